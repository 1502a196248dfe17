"""Tells people what they have to know, whatever is broken: Telegram, mail, SMS and webhooks out."""
