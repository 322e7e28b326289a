"""READ: the files that people write, as the model's words, with every problem found in them."""
