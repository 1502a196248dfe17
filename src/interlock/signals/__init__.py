"""Where ideas come from. A signal proposes and can never order: the kernel decides."""
