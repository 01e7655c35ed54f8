//! A strategy that misbehaves on request.
