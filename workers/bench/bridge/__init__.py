"""What the bridge itself costs: scripted phones and a scripted model around it, and a bare relay in the same run."""
