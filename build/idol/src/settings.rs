// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! What a build script can choose.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::server::ServerStyle;
use crate::{BoxError, Error, check, client, server};

/// Generates code; see the functions of its name in [`client`](mod@crate::client) and [`server`](mod@crate::server) for all defaults.
#[derive(Clone, Debug, Default)]
pub struct Generator {
    pub(crate) counters: Option<CounterSettings>,
    pub(crate) op_enum_derives: Vec<syn::Path>,
    pub(crate) fail_server: FailServer,
    pub(crate) lazy_leases: bool,
}

/// Which counters are generated. Needs the crate `counters`, feature `counters` of `idol-runtime`, and errors that derive `Count`.
#[derive(Clone, Debug)]
pub struct CounterSettings {
    pub(crate) client: bool,
    pub(crate) server: bool,
    pub(crate) combine_client_errors: bool,
}

impl Default for CounterSettings {
    fn default() -> Self {
        let enable = !cfg!(feature = "no-counters");
        Self {
            client: enable,
            server: enable,
            combine_client_errors: false,
        }
    }
}

impl CounterSettings {
    /// Whether the client counts the results of its operations, in the static `__<IFACE>_CLIENT_COUNTERS`. On by default, unless this
    /// crate has its feature `no-counters`.
    pub fn with_client_counters(mut self, enable: bool) -> Self {
        self.client = enable;
        self
    }

    /// Whether the server counts the results of its operations, in the static `__<IFACE>_SERVER_COUNTERS`. On by default, unless this
    /// crate has its feature `no-counters`.
    pub fn with_server_counters(mut self, enable: bool) -> Self {
        self.server = enable;
        self
    }

    /// Whether the server's counters put all errors of clients into one. Off by default.
    pub fn with_combined_client_errors(mut self, enable: bool) -> Self {
        self.combine_client_errors = enable;
        self
    }

    /// [`with_combined_client_errors`](Self::with_combined_client_errors) under upstream's name.
    pub fn combine_client_errors(self, enable: bool) -> Self {
        self.with_combined_client_errors(enable)
    }
}

/// Whether a server is generated that answers every operation with one error.
///
/// That is possible when all operations have the same error type. It is called `FailServer`.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub enum FailServer {
    /// When it is possible.
    #[default]
    Maybe,
    /// Yes, or the build fails.
    Yes,
    /// No.
    No,
}

impl Generator {
    /// Without counters, extra derives, or anything else.
    pub fn new() -> Self {
        Self::default()
    }

    /// Generates counters, unless the crate that is being built has a feature `no-counters` and it is switched on.
    pub fn with_counters(mut self, counters: CounterSettings) -> Self {
        // Cargo tells the build script, so the output needs no conditions that the crate would have to know of.
        if std::env::var_os("CARGO_FEATURE_NO_COUNTERS").is_none() {
            self.counters = Some(counters);
        }
        self
    }

    /// Adds derives to the enum of operations, such as `"counters::Count"`.
    ///
    /// # Errors
    ///
    /// One of them is not a path.
    pub fn with_op_enum_derives<T: AsRef<str>>(
        mut self,
        derives: impl IntoIterator<Item = T>,
    ) -> Result<Self, syn::Error> {
        for path in derives {
            let path = path.as_ref();
            let parsed = syn::parse_str(path).map_err(|error| {
                let text = format!("op enum derive `{path}` is not a path: {error}");
                syn::Error::new(error.span(), text)
            })?;
            self.op_enum_derives.push(parsed);
        }
        Ok(self)
    }

    /// As upstream: the code is formatted anyway.
    pub fn with_fmt(self, _: bool) -> Self {
        self
    }

    /// [`with_fail_server`](Self::with_fail_server) with `FailServer::Yes`, under upstream's name.
    pub fn with_error_server(self) -> Self {
        self.with_fail_server(FailServer::Yes)
    }

    /// [`with_fail_server`](Self::with_fail_server) with `FailServer::No`, under upstream's name.
    pub fn without_error_server(self) -> Self {
        self.with_fail_server(FailServer::No)
    }

    /// Chooses whether a `FailServer` is generated beside a server's trait.
    pub fn with_fail_server(mut self, fail_server: FailServer) -> Self {
        self.fail_server = fail_server;
        self
    }

    /// Chooses whether a server gets its clients' leases unseen, as `idol_runtime::LazyLeased`, which saves a system call for each. Off by
    /// default.
    pub fn with_lazy_leases(mut self, lazy: bool) -> Self {
        self.lazy_leases = lazy;
        self
    }

    /// Writes the client of the interface in file `source` (relative to the crate) to `$OUT_DIR/<out>`.
    pub fn build_client_stub(
        &self,
        source: impl AsRef<Path>,
        out: impl AsRef<Path>,
    ) -> Result<(), BoxError> {
        self.run(source.as_ref(), out.as_ref(), |text| self.client_code(text))
    }

    /// Writes what a server of the interface in file `source` (relative to the crate) needs to `$OUT_DIR/<out>`.
    pub fn build_server_support(
        &self,
        source: impl AsRef<Path>,
        out: impl AsRef<Path>,
        style: ServerStyle,
    ) -> Result<(), BoxError> {
        self.build_restricted_server_support(source, out, style, &BTreeMap::new())
    }

    /// Like [`build_server_support`](Self::build_server_support), and the operations in `allowed_callers` are served only to the tasks with
    /// the indices given there. Others are faulted with `AccessViolation`. Operations that are not listed are for everybody.
    pub fn build_restricted_server_support(
        &self,
        source: impl AsRef<Path>,
        out: impl AsRef<Path>,
        style: ServerStyle,
        allowed_callers: &BTreeMap<String, Vec<usize>>,
    ) -> Result<(), BoxError> {
        self.run(source.as_ref(), out.as_ref(), |text| {
            self.server_code(text, style, allowed_callers)
        })
    }

    /// The client's code for an interface's text, and warnings. What [`build_client_stub`](Self::build_client_stub) writes.
    pub fn client_code(&self, text: &str) -> Result<(String, Vec<String>), Error> {
        let (interface, warnings) = check::interface(text)?;
        check::for_client(&interface)?;
        Ok((print(client::generate(self, &interface)), warnings))
    }

    /// The server's code for an interface's text, and warnings. What
    /// [`build_restricted_server_support`](Self::build_restricted_server_support) writes.
    pub fn server_code(
        &self,
        text: &str,
        style: ServerStyle,
        allowed_callers: &BTreeMap<String, Vec<usize>>,
    ) -> Result<(String, Vec<String>), Error> {
        let (interface, warnings) = check::interface(text)?;
        check::for_server(&interface)?;
        let code = server::generate(self, &interface, style, allowed_callers)?;
        Ok((print(code), warnings))
    }

    fn run(
        &self,
        source: &Path,
        out: &Path,
        generate: impl FnOnce(&str) -> Result<(String, Vec<String>), Error>,
    ) -> Result<(), BoxError> {
        println!("cargo::rerun-if-changed={}", source.display());
        let text = std::fs::read_to_string(source)
            .map_err(|error| Error::new("", format!("cannot read it: {error}")).in_file(source))?;
        let (code, warnings) = generate(&text).map_err(|error| error.in_file(source))?;
        for warning in warnings {
            println!("cargo::warning={}: {warning}", source.display());
        }
        let folder = std::env::var_os("OUT_DIR")
            .ok_or("OUT_DIR is not set: call this from a build script (build.rs)")?;
        let path = PathBuf::from(folder).join(out);
        std::fs::write(&path, code)
            .map_err(|error| format!("{}: cannot write it: {error}", path.display()))?;
        Ok(())
    }
}

/// The code as a person would like to read it.
fn print(code: proc_macro2::TokenStream) -> String {
    let file = syn::parse2(code).expect("the generator writes Rust");
    let mut text = String::from("// Generated by idol. Change the .idol file instead.\n\n");
    text.push_str(&prettyplease::unparse(&file));
    text
}
