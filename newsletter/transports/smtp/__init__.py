"""Out through a mail server: our own drive of the dialogue, over connections that are kept."""
