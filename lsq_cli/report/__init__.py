"""What people and programs get to see: tables, JSON, CSV, NPY, histories; it computes nothing."""
