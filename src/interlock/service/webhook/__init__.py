"""Takes alerts from charts and scripts: who may send, durable before the answer, once each."""
