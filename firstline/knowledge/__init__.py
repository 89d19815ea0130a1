"""The help centre: read articles, cut them into chunks, embed, search by meaning and by words, fuse."""
