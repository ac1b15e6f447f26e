// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! How the kernel's own parts are linked.

use manifest::App;

use crate::layout::Layout;
use crate::tables::Tables;

/// The stack of the kernel's own faults, which only prints last words, in bytes.
const FAULT_STACK: u32 = 2048;

/// The linker script of the kernel, with the symbols that `aarch64-rt` asks for.
pub fn link_x(app: &App, layout: &Layout, tables: &Tables, flash_bytes: usize) -> String {
    let kernel = &layout.kernel;
    let ram = tables.kernel_ram;
    let stack = ram.base + app.kernel.stacksize.next_multiple_of(16);
    format!(
        "/* Made by the build from the manifest. */
ENTRY(kernel_entry)
SECTIONS
{{
    .text {code:#x} : {{ *(.init.entry) *(.init .init.*) *(.text .text.*) }}
    /* Constants begin on a page of their own, because they are not to be executed. First among them is the build id,
       so that a tool finds it at the same place in images of one manifest. */
    .note.gnu.build-id {rodata:#x} : {{ KEEP(*(.note.gnu.build-id)) }}
    .rodata : {{ *(.rodata .rodata.*) . = ALIGN(16); __sidata = .; }}
    .translation_tables {tables:#x} : {{ KEEP(*(.translation_tables)) }}

    /* Stacks are lowest, right above the translation tables, which are read only: an overflow is a fault. */
    __kernel_stack_base = {stack_base:#x};
    boot_stack_end = {stack:#x};
    _stack_top = {stack:#x};
    __fault_stack_top = {fault_stack:#x};
    .data {data:#x} : {{ *(.data .data.*) . = ALIGN(16); }}
    .bss (NOLOAD) : {{ . = ALIGN(16); bss_begin = .; *(.bss .bss.* COMMON) . = ALIGN(16); bss_end = .; }}
    .task_images {flash:#x} : {{
        KEEP(*(.task_images))
        ASSERT(. - ADDR(.task_images) == {flash_bytes}, \"the image must include image.rs\");
    }}
    /DISCARD/ : {{ *(.eh_frame .eh_frame.* .eh_frame_hdr .stack.boot_stack .note .note.*) }}
}}

ASSERT(ADDR(.text) + SIZEOF(.text) <= {rodata:#x},
    \"the kernel's instructions do not fit: raise requires.text of [kernel] in {manifest}\");
ASSERT(__sidata <= {rodata_end:#x},
    \"the kernel's constants do not fit: raise requires.rodata of [kernel] in {manifest}\");
ASSERT(bss_end <= {ram_end:#x},
    \"the kernel's variables do not fit: raise requires.ram of [kernel] in {manifest}\");
",
        code = kernel.text.base,
        rodata = kernel.rodata.base,
        rodata_end = kernel.rodata.end(),
        tables = tables.range.base,
        stack_base = ram.base,
        fault_stack = stack + FAULT_STACK,
        data = stack + FAULT_STACK,
        ram_end = ram.end(),
        flash = app.memories[crate::layout::FLASH].address,
        manifest = app.files[0],
    )
}
