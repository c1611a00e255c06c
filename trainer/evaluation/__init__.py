"""How good the models are: agreement, overlap, and the tables that print them."""
