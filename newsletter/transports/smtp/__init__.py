"""Out through a mail server: our own drive of the dialogue, over connections that are kept.

`transport` gives each message to a `connection` of its pool, which opens itself (`opening`) when
there is something to carry and then holds the dialogue about it (`session`); the `envelope` is
whose message it is, a `reply` what the server says. Every step is a generator that yields what it
waits for, so that one thread leads all the dialogues of a `send` side by side (`waiting`) over
sockets that never block (`wire`). Whatever goes wrong before a connection is open, or is about us,
closes the way for everybody; what goes wrong after that is one message's, exact to the phase.
"""
