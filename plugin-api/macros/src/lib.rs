//! The macros of `alhost-plugin-api`, which re-exports and documents them.

mod choice;
mod export;
mod json;
mod params;

use proc_macro::TokenStream;

/// Declares the fields of a struct as a strategy's parameters. See `alhost_plugin_api::Params`.
#[proc_macro_derive(Params, attributes(param))]
pub fn derive_params(input: TokenStream) -> TokenStream {
    let input = syn::parse_macro_input!(input as syn::DeriveInput);
    params::expand(&input).unwrap_or_else(syn::Error::into_compile_error).into()
}

/// Makes an enum without fields a parameter type: one word in kebab-case for each variant.
#[proc_macro_derive(Choice)]
pub fn derive_choice(input: TokenStream) -> TokenStream {
    let input = syn::parse_macro_input!(input as syn::DeriveInput);
    choice::expand(&input).unwrap_or_else(syn::Error::into_compile_error).into()
}

/// Makes the crate a plugin: exports the strategy, and writes its manifest into the file.
///
/// ```text
/// export_strategy!(
///     MyStrategy,
///     id = "my-strategy",            // kebab-case; its name in commands, tables and folders
///     summary = "one line",
///     citation = "authors, title, year",   // optional
///     needs = [PROBABILITIES, KMEANS],     // features and services it may ask for
///     stochastic = true,                   // optional: draws from `ctx.rng`
/// );
/// ```
///
/// Once per crate: every plugin exports the same symbol, so no two can be linked into one binary.
#[proc_macro]
pub fn export_strategy(input: TokenStream) -> TokenStream {
    let input = syn::parse_macro_input!(input as export::Input);
    export::expand(&input).into()
}
