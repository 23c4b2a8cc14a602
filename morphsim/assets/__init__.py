"""What is shipped inside the package: the default encoder, and how it was made."""
