//! `#[derive(Choice)]`.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Data, DeriveInput, Error, Fields, Result};

use crate::json::{kebab, quoted};

pub(crate) fn expand(input: &DeriveInput) -> Result<TokenStream> {
    let Data::Enum(data) = &input.data else {
        return Err(Error::new_spanned(&input.ident, "a choice is an enum without fields"));
    };
    let (mut words, mut variants) = (Vec::new(), Vec::new());
    for variant in &data.variants {
        if !matches!(variant.fields, Fields::Unit) {
            return Err(Error::new_spanned(variant, "a choice has no fields"));
        }
        words.push(kebab(&variant.ident.to_string()));
        variants.push(&variant.ident);
    }
    let list = words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(",");
    let list = format!("[{list}]");
    let name = &input.ident;
    Ok(quote! {
        impl ::alhost_plugin_api::__private::ParamValue for #name {
            const TYPE: &'static str = "choice";
            const CHOICES: &'static str = #list;
            fn from_json(
                value: &::alhost_plugin_api::__private::Value,
            ) -> ::core::option::Option<Self> {
                match value.as_str()? {
                    #(#words => ::core::option::Option::Some(Self::#variants),)*
                    _ => ::core::option::Option::None,
                }
            }
        }
    })
}
