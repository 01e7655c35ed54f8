//! (stands for the module; its helper writes it)
