//! The verdict document, its JSON Schema and its renderers.
