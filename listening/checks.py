"""What `manage.py check` tells an operator: what is missing, and what to do."""
