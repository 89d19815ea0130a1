"""The three tools of the model, their schemas and what runs when it asks for one."""
