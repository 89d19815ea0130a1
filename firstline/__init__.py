"""firstline: a voice agent that answers a company's tier-1 support line."""
