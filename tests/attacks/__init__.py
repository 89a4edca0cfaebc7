"""Attacks that a security review carried out, each as a test: one row, key or stranger against everybody else."""
