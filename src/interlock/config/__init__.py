"""What people write: policy files, breakers and settings, checked and turned into kernel records.

The only room that reads the environment and settings files (``settings``, ``load``). ``build``
turns the validated models into the kernel's policy record; nothing below this room knows a file.
"""
