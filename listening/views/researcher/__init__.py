"""What researchers see. Every page is for one who is logged in, and of their own studies (staff: all)."""
