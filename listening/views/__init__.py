"""Thin views: read the request, call one function of the domain, render."""
