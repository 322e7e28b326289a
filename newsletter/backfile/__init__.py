"""Past issues from elsewhere: an archive's page, or another program's export -> issue folders."""
