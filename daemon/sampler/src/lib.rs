//! Reads processes, process trees and host memory, cheaply.
