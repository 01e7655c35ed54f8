//! `export_strategy!`.

use proc_macro2::TokenStream;
use quote::quote;
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::{Error, Expr, Ident, LitBool, LitStr, Result, Token, Type, bracketed};

use crate::json::quoted;

/// The arguments of the macro.
pub(crate) struct Input {
    strategy: Type,
    id: LitStr,
    summary: LitStr,
    citation: Option<LitStr>,
    needs: Vec<Expr>,
    stochastic: bool,
}

impl Parse for Input {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let strategy: Type = input.parse()?;
        let (mut id, mut summary, mut citation) = (None, None, None);
        let (mut needs, mut stochastic) = (None, false);
        while !input.is_empty() {
            input.parse::<Token![,]>()?;
            if input.is_empty() {
                break;
            }
            let key: Ident = input.parse()?;
            input.parse::<Token![=]>()?;
            match key.to_string().as_str() {
                "id" => id = Some(input.parse::<LitStr>()?),
                "summary" => summary = Some(input.parse::<LitStr>()?),
                "citation" => citation = Some(input.parse::<LitStr>()?),
                "stochastic" => stochastic = input.parse::<LitBool>()?.value,
                "needs" => needs = Some(list(input)?),
                _ => {
                    let known = "there are `id`, `summary`, `citation`, `needs`, `stochastic`";
                    return Err(Error::new_spanned(key, known));
                }
            }
        }
        let missing = |key: &str| input.error(format!("`{key} = ...` is missing"));
        let id = id.ok_or_else(|| missing("id"))?;
        if !is_kebab(&id.value()) {
            let rule = "an id is lower-case letters, digits and `-`, and starts with a letter";
            return Err(Error::new_spanned(id, rule));
        }
        Ok(Self {
            strategy,
            id,
            summary: summary.ok_or_else(|| missing("summary"))?,
            citation,
            needs: needs.ok_or_else(|| missing("needs"))?,
            stochastic,
        })
    }
}

/// Parses `[A, B]`.
fn list(input: ParseStream<'_>) -> Result<Vec<Expr>> {
    let list;
    bracketed!(list in input);
    let list: Punctuated<Expr, Token![,]> = Punctuated::parse_terminated(&list)?;
    Ok(list.into_iter().collect())
}

fn is_kebab(id: &str) -> bool {
    id.starts_with(|c: char| c.is_ascii_lowercase())
        && id.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
}

/// Returns the parts of the manifest's JSON, as expressions of type `&str`.
fn parts(input: &Input) -> TokenStream {
    let Input { strategy, id, stochastic, needs, .. } = input;
    let citation = input.citation.as_ref().map(LitStr::value).unwrap_or_default();
    let head = format!(
        "{{\"format\":1,\"id\":{},\"summary\":{},\"citation\":{},\"stochastic\":{stochastic}",
        quoted(&id.value()),
        quoted(&input.summary.value()),
        quoted(&citation),
    );
    let commas = (0..needs.len()).map(|i| if i == 0 { "\"" } else { ",\"" });
    quote! {
        // `env!` here is the plugin's own, since the macro expands in its crate.
        #head,
        ",\"version\":\"", ::core::env!("CARGO_PKG_VERSION"),
        "\",\"api\":\"", api::API_VERSION,
        "\",\"rustc\":\"", api::RUSTC,
        "\",\"profile\":\"", api::PROFILE,
        "\",\"panic\":\"", api::PANIC,
        "\",\"needs\":[", #(#commas, #needs, "\"",)*
        "],\"params\":",
        <<#strategy as ::alhost_plugin_api::Strategy>::Params
            as ::alhost_plugin_api::Params>::SCHEMA,
        "}",
    }
}

pub(crate) fn expand(input: &Input) -> TokenStream {
    let Input { strategy, id, .. } = input;
    let parts = parts(input);
    quote! {
        const _: () = {
            use ::alhost_plugin_api::__private::export as api;

            const PARTS: &[&str] = &[#parts];
            const LENGTH: usize = api::length(PARTS);
            const BYTES: [u8; LENGTH] = api::concat(PARTS);

            #[used]
            #[unsafe(link_section = ".alhost.manifest")]
            static MANIFEST: [u8; LENGTH] = BYTES;

            extern "C" fn manifest() -> api::Text<'static> {
                const TEXT: &str = api::text(&BYTES);
                api::Text::from_str(TEXT)
            }
            fn root() -> api::PluginMod_Ref {
                api::install_panic_hook(#id);
                let create = api::create::<#strategy>;
                api::PrefixTypeTrait::leak_into_prefix(api::PluginMod { manifest, create })
            }
            extern "C" fn erased_root() -> api::RootModuleResult {
                api::__call_root_module_loader(root)
            }
            // The name is `abi_stable::library::ROOT_MODULE_LOADER_NAME`; a test compares them.
            #[unsafe(export_name = "_1as_0lib_1header_0root_bmodule_bloader")]
            static HEADER: api::LibHeader = {
                // SAFETY: `erased_root` returns a `PluginMod_Ref`, erased by abi_stable itself.
                unsafe {
                    api::LibHeader::from_constructor::<api::PluginMod_Ref>(
                        erased_root,
                        api::CheckTypeLayout::Yes,
                    )
                }
            };
        };
    }
}
