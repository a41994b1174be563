//! Dot paths and the search language, parsed once into typed trees with error positions.
