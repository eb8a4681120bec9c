//! A small real HTTP service to soak, with leaks that can be switched on.
