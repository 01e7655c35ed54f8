//! The promise of the ABI: a plugin built with 1.x runs in every host that provides 1.y, y >= x. What
//! crosses the boundary is written down in `abi.snapshot`, and this test fails when that changes.
//!
//! Within 1.x, and together with a new minor version, may be appended: methods with a default body
//! after the last of a trait, fields after the last of `PluginMod`. Nothing else: every struct that is
//! no prefix type, and every method and field that there is, stays as it is. New features and services
//! are new string ids and change nothing here. The host's tests build a plugin from a frozen copy of
//! 1.0.0 and run it, which shows whether a change kept to this.

use abi_stable::StableAbi;
use abi_stable::type_layout::{TLData, TLField, TLFunction, TypeLayout};
use alhost_plugin_api::export::API_VERSION;
use alhost_plugin_api::ffi::PluginMod_Ref;
use expect_test::expect_file;

#[test]
fn what_crosses_the_boundary_changes_with_the_minor_version_only() {
    let now = snapshot(<PluginMod_Ref as StableAbi>::LAYOUT);
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/abi.snapshot");
    let recorded = fs_err::read_to_string(path).unwrap_or_default();
    let is_same_version = recorded.lines().next() == now.lines().next();
    assert!(
        recorded == now || !is_same_version,
        "the ABI of plugin-api has changed, but its version has not:\n{}\n\
         hint: undo the change; or, if it only appends (the rules are at the top of {}), raise the \
         minor version in plugin-api/Cargo.toml, and then: \
         UPDATE_EXPECT=1 cargo test -p alhost-plugin-api --test abi",
        difference(&recorded, &now),
        file!(),
    );
    expect_file![path].assert_eq(&now);
}

#[test]
fn the_first_line_that_changed_is_told() {
    let check = |before: &str, after: &str, expected: &str| {
        assert_eq!(difference(before, after), expected);
    };
    check("a\nrows: usize\n", "a\nrows: u32\n", "line 2: `rows: usize` is now `rows: u32`");
    check("a\n", "a\nb\n", "line 2: nothing is now `b`");
}

/// The first line in which two texts differ.
fn difference(before: &str, after: &str) -> String {
    let (before, after): (Vec<&str>, Vec<&str>) =
        (before.lines().collect(), after.lines().collect());
    let places = 0..before.len().max(after.len());
    let place = places.into_iter().find(|&at| before.get(at) != after.get(at)).unwrap_or_default();
    let shown = |line: Option<&&str>| {
        line.map_or("nothing".to_owned(), |line| format!("`{}`", line.trim()))
    };
    format!("line {}: {} is now {}", place + 1, shown(before.get(place)), shown(after.get(place)))
}

/// Every type of ours that can be reached from `root`, in the order in which they are met, with its
/// fields. The types of `abi_stable` are fixed by its version, which is pinned.
fn snapshot(root: &'static TypeLayout) -> String {
    let minor = API_VERSION.rsplit_once('.').expect("a version has three parts").0;
    let mut text = format!("alhost-plugin-api {minor}\n");
    let mut met = vec![root];
    let mut next = 0;
    while let Some(layout) = met.get(next).copied() {
        next += 1;
        let fields = fields(layout);
        if is_ours(layout) {
            text.push_str(&shown(layout, &fields));
        }
        for layout in fields.iter().flat_map(reached) {
            if !met.contains(&layout) {
                met.push(layout);
            }
        }
    }
    text
}

fn is_ours(layout: &TypeLayout) -> bool {
    layout.package().as_str() == env!("CARGO_PKG_NAME")
}

fn shown(layout: &'static TypeLayout, fields: &[TLField]) -> String {
    let kind = match layout.data() {
        TLData::PrefixType(prefix) => {
            format!("the first {} fields fixed", prefix.first_suffix_field)
        }
        TLData::Enum(data) => format!("enum of {}", data.variant_names),
        _ => format!("{:?}", layout.data_discriminant()).to_lowercase(),
    };
    let (name, place) = (named(layout), layout.mod_path());
    let (size, align) = (layout.size(), layout.alignment());
    let repr = layout.repr_attr();
    let mut text =
        format!("\n{name} ({place}): {size} bytes, aligned to {align}, repr {repr:?}, {kind}\n");
    for field in fields {
        let functions: Vec<String> = field.function_range().iter().map(|f| signature(&f)).collect();
        let what =
            if functions.is_empty() { named(field.layout()) } else { functions.join(" and ") };
        text.extend(["    ", field.name(), ": ", &what, "\n"]);
    }
    text
}

fn fields(layout: &'static TypeLayout) -> Vec<TLField> {
    let fields = match layout.data() {
        TLData::Primitive(_) | TLData::Opaque => Vec::new(),
        TLData::Struct { fields } | TLData::Union { fields } => fields.to_vec(),
        TLData::Enum(data) => data.fields.to_vec(),
        TLData::PrefixType(data) => data.fields.to_vec(),
    };
    fields.into_iter().chain(layout.phantom_fields().iter()).collect()
}

fn signature(function: &TLFunction) -> String {
    let params: Vec<String> =
        function.param_type_layouts.iter().map(|layout| named(layout())).collect();
    let result = function.return_type_layout().map_or("()".to_owned(), |layout| named(layout()));
    format!("fn({}) -> {result}", params.join(", "))
}

/// A type's name, with what it holds where `abi_stable` leaves that out: `RResult(Answer, PlugError)`,
/// `RVec(PhantomData<u8>)`.
fn named(layout: &'static TypeLayout) -> String {
    let name = full_type(layout);
    let held: Vec<String> = fields(layout)
        .iter()
        .map(|field| named_if_held(layout, field.layout()))
        .filter(|name| !is_ours(layout) && !name.is_empty())
        .collect();
    if held.is_empty() { name } else { format!("{name}({})", held.join(", ")) }
}

fn named_if_held(holder: &TypeLayout, held: &'static TypeLayout) -> String {
    let is_marker = held.name() == "PhantomData";
    match holder.data() {
        TLData::Enum(_) => named(held),
        _ if is_marker => full_type(held),
        _ => String::new(),
    }
}

/// Returns the type as `abi_stable` writes it, with single spaces.
fn full_type(layout: &TypeLayout) -> String {
    layout.full_type().to_string().split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Types of a field, and of the parameters and the result where it is a function.
fn reached(field: &TLField) -> Vec<&'static TypeLayout> {
    let mut layouts = vec![field.layout()];
    for function in field.function_range() {
        layouts.extend(function.param_type_layouts.iter().map(|layout| layout()));
        layouts.extend(function.return_type_layout().map(|layout| layout()));
    }
    layouts
}
