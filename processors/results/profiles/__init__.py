"""Shipped profiles for what goes back."""
