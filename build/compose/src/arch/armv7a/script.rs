// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! How the kernel's own parts are linked.

use manifest::App;

use crate::layout::Layout;
use crate::tables::Tables;

/// The stacks of the processor's modes that run hardly any code, in bytes.
const MODE_STACK: u32 = 1024;

/// `memory.x`, which the start-up crate's linker script includes: the kernel's memory, its stacks, and three sections
/// that the script does not know.
pub fn memory_x(app: &App, layout: &Layout, tables: &Tables, flash_bytes: usize) -> String {
    let kernel = &layout.kernel;
    let flash = app.memories[crate::layout::FLASH];
    let stack = app.kernel.stacksize.next_multiple_of(8);
    // From the lowest: the mode in which start-up runs `kmain`, then FIQ, IRQ, abort, supervisor, undefined.
    let stacks = stack + 4 * MODE_STACK + stack;
    let ram = tables.kernel_ram;
    format!(
        "/* Made by the build from the manifest. */
MEMORY
{{
    CODE : ORIGIN = {code:#x}, LENGTH = {code_size:#x}
    TABLES : ORIGIN = {tables:#x}, LENGTH = {tables_size:#x}
    DATA : ORIGIN = {data:#x}, LENGTH = {data_size:#x}
    TASKS : ORIGIN = {flash:#x}, LENGTH = {flash_size:#x}
}}

/* Stacks are lowest, right above the translation tables, which are read only: an overflow is a fault. */
_stack_top = {data:#x};
_und_stack_size = {MODE_STACK};
_svc_stack_size = {stack};
_abt_stack_size = {MODE_STACK};
_irq_stack_size = {MODE_STACK};
_fiq_stack_size = {MODE_STACK};
__kernel_stack_base = {stack_base:#x};

/* Constants begin on a page of their own, because they are not to be executed. First among them is the build id,
   so that a tool finds it at the same place in images of one manifest. */
SECTIONS
{{
    .note.gnu.build-id {rodata:#x} : {{ KEEP(*(.note.gnu.build-id)) }} > CODE
    .rodata.kernel : {{ *(.rodata .rodata.*) . = ALIGN(4); }} > CODE
}}
INSERT AFTER .text;

SECTIONS
{{
    .translation_tables {tables:#x} : {{ KEEP(*(.translation_tables)) }} > TABLES
    .task_images {flash:#x} : {{
        KEEP(*(.task_images))
        /* Here, because lld 14 would look at a check outside before the section has its size. */
        ASSERT(. - ADDR(.task_images) == {flash_bytes}, \"the image must include image.rs\");
    }} > TASKS
}}
INSERT AFTER .uninit;

ASSERT(ADDR(.text) + SIZEOF(.text) <= {rodata:#x},
    \"the kernel's instructions do not fit: raise requires.text of [kernel] in {manifest}\");
ASSERT(LOADADDR(.data) + SIZEOF(.data) <= {rodata_end:#x},
    \"the kernel's constants do not fit: raise requires.rodata of [kernel] in {manifest}\");
ASSERT(__euninit <= {ram_end:#x},
    \"the kernel's variables do not fit: raise requires.ram of [kernel] in {manifest}\");
",
        code = kernel.text.base,
        code_size = kernel.text.size + kernel.rodata.size,
        tables = tables.range.base,
        tables_size = tables.range.size,
        data = ram.base + stacks,
        data_size = ram.size - stacks,
        stack_base = ram.base,
        flash = flash.address,
        flash_size = flash.size,
        rodata = kernel.rodata.base,
        rodata_end = kernel.rodata.end(),
        ram_end = ram.end(),
        manifest = app.files[0],
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generate::tests::small;

    #[test]
    fn the_kernels_stacks_end_above_its_tables() {
        let (app, layout, tables) = small();
        let text = memory_x(&app, &layout, &tables, 0x3000);
        let ram = tables.kernel_ram;
        let stacks = 4096 + 4 * MODE_STACK + 4096;
        assert_eq!(
            ram.base,
            tables.range.end(),
            "an overflow runs into what is read only"
        );
        assert!(
            text.contains(&format!("_stack_top = {:#x};", ram.base + stacks)),
            "{text}"
        );
        assert!(text.contains(&format!(
            "DATA : ORIGIN = {:#x}, LENGTH = {:#x}",
            ram.base + stacks,
            ram.size - stacks
        )));
        assert!(text.contains("CODE : ORIGIN = 0x40100000, LENGTH = 0x18000"));
        assert!(
            text.contains(".note.gnu.build-id 0x40110000 : { KEEP(*(.note.gnu.build-id)) }"),
            "{text}"
        );
    }
}
