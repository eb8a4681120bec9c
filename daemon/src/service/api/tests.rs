//! The API over real sockets, with a daemon behind it that answers orders and runs nothing.

mod fuzz;
mod hostile;
mod orders;
mod recorded;
mod served;
mod stream;
