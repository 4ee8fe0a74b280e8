"""The list register: who stated what about which entry, what follows from it, and the log of all of it.

    storage      the folder: first constitution, its anchor, the log's key, the policy
    book         the history, rebuilt from the append-only table; one writer
    logbook      the transparency log: a leaf for every record, witnesses, what is published
    drafts       a list version that was drawn for endorsers to sign
    presenting   the pages' facts and sentences;  `views`, `urls`, `tasks`: the shell

Organisations sign with keys that never come here. Nobody in this room sees a picture or a fingerprint.

What this does NOT protect: whoever runs the register can keep a statement back, and can stop. It cannot
change or drop what was logged without witnesses noticing, nor state anything in an organisation's name.
"""
