"""Running matters: how they are stored, the verbs that change them, and the routes derived from a declaration."""
