"""What a deployment itself knows of its actions, assets and identities, and how a request is read with it."""
