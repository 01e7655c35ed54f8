//! `#[derive(Params)]`.

use std::fmt::Write as _;

use proc_macro2::TokenStream;
use quote::quote;
use syn::{
    Attribute, Data, DeriveInput, Error, Expr, Field, Fields, Ident, Lit, Meta, Result, UnOp,
};

use crate::json::quoted;

/// The content of a field's `#[param(...)]`, as JSON text.
#[derive(Default)]
struct Declared {
    default: Option<String>,
    min: Option<String>,
    max: Option<String>,
}

pub(crate) fn expand(input: &DeriveInput) -> Result<TokenStream> {
    let Data::Struct(data) = &input.data else {
        return Err(Error::new_spanned(&input.ident, "parameters are a struct"));
    };
    let fields: Vec<&Field> = match &data.fields {
        Fields::Named(fields) => fields.named.iter().collect(),
        Fields::Unit => Vec::new(),
        Fields::Unnamed(_) => {
            return Err(Error::new_spanned(&input.ident, "parameters have names"));
        }
    };
    let (mut parts, mut reads) = (Vec::new(), Vec::new());
    for (i, field) in fields.iter().enumerate() {
        let declared = declared(&field.attrs)?;
        parts.push(part(i, field, &declared));
        reads.push(read(field, &declared));
    }
    let name = &input.ident;
    let built = if matches!(data.fields, Fields::Unit) {
        quote! { Self }
    } else {
        quote! { Self { #(#reads,)* } }
    };
    Ok(quote! {
        const _: () = {
            use ::alhost_plugin_api::__private as api;

            const PARTS: &[&str] = &["[", #(#parts,)* "]"];
            impl ::alhost_plugin_api::Params for #name {
                const SCHEMA: &'static str = {
                    const BYTES: [u8; api::export::length(PARTS)] = api::export::concat(PARTS);
                    api::export::text(&BYTES)
                };
                fn from_values(
                    values: &api::Map<::std::string::String, api::Value>,
                ) -> ::alhost_plugin_api::Result<Self> {
                    let _ = values;
                    ::core::result::Result::Ok(#built)
                }
            }
        };
    })
}

fn ident(field: &Field) -> &Ident {
    field.ident.as_ref().expect("the fields have names")
}

/// Returns the parts of the schema's JSON that describe the i-th field, as expressions of type `&str`.
fn part(i: usize, field: &Field, declared: &Declared) -> TokenStream {
    let ty = &field.ty;
    let comma = if i == 0 { "" } else { "," };
    let key = ident(field).to_string();
    let head = format!("{comma}{{\"name\":{},\"type\":\"", quoted(&key));
    let mut tail = format!(",\"help\":{}", quoted(&help(&field.attrs)));
    for (name, value) in
        [("default", &declared.default), ("min", &declared.min), ("max", &declared.max)]
    {
        if let Some(value) = value {
            write!(tail, ",\"{name}\":{value}").expect("a String takes all");
        }
    }
    tail.push('}');
    quote! {
        #head, <#ty as api::ParamValue>::TYPE, "\",\"choices\":",
        <#ty as api::ParamValue>::CHOICES, #tail
    }
}

/// Returns the code that reads a field from `values`.
fn read(field: &Field, declared: &Declared) -> TokenStream {
    let (ident, ty) = (ident(field), &field.ty);
    let key = ident.to_string();
    let has_default = declared.default.is_some();
    quote! {
        #ident: {
            const {
                // Checked when the plugin is compiled, not when it is run.
                assert!(
                    #has_default != <#ty as api::ParamValue>::OPTIONAL,
                    "a parameter has a default, or is an `Option` and has none"
                );
            }
            let value = values.get(#key).unwrap_or(&api::Value::Null);
            <#ty as api::ParamValue>::from_json(value).ok_or_else(|| {
                ::alhost_plugin_api::Error::new(
                    ::std::format!("parameter `{}` does not take {value}", #key)
                )
            })?
        }
    }
}

/// Returns the doc comment as one line.
fn help(attributes: &[Attribute]) -> String {
    let mut lines = Vec::new();
    for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("doc")) {
        if let Meta::NameValue(pair) = &attribute.meta
            && let Expr::Lit(literal) = &pair.value
            && let Lit::Str(text) = &literal.lit
        {
            lines.push(text.value().trim().to_owned());
        }
    }
    lines.join(" ").trim().to_owned()
}

fn declared(attributes: &[Attribute]) -> Result<Declared> {
    let mut declared = Declared::default();
    for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("param")) {
        attribute.parse_nested_meta(|meta| {
            let place = if meta.path.is_ident("default") {
                &mut declared.default
            } else if meta.path.is_ident("min") {
                &mut declared.min
            } else if meta.path.is_ident("max") {
                &mut declared.max
            } else {
                return Err(meta.error("there are `default`, `min` and `max`"));
            };
            let value: Expr = meta.value()?.parse()?;
            *place = Some(literal(&value)?);
            Ok(())
        })?;
    }
    Ok(declared)
}

/// A literal as JSON text.
fn literal(value: &Expr) -> Result<String> {
    let refused = || Error::new_spanned(value, "a number, a text, `true` or `false`");
    match value {
        Expr::Unary(unary) if matches!(unary.op, UnOp::Neg(_)) => {
            Ok(format!("-{}", literal(&unary.expr)?))
        }
        Expr::Lit(expr) => match &expr.lit {
            Lit::Int(number) => Ok(number.base10_digits().to_owned()),
            // JSON asks for a digit after the point, which Rust does not.
            Lit::Float(number) if number.base10_digits().ends_with('.') => {
                Ok(format!("{}0", number.base10_digits()))
            }
            Lit::Float(number) => Ok(number.base10_digits().to_owned()),
            Lit::Bool(flag) => Ok(flag.value.to_string()),
            Lit::Str(text) => Ok(quoted(&text.value())),
            _ => Err(refused()),
        },
        _ => Err(refused()),
    }
}
