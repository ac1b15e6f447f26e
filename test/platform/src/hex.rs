// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Bytes as people write them: in the machine file, on the control socket, in the log.

/// The bytes of a text of hexadecimal digits; white space does not count.
///
/// # Errors
///
/// What is wrong with the text.
pub fn parse(text: &str) -> Result<Vec<u8>, &'static str> {
    let digits: Vec<u8> = text
        .chars()
        .filter(|digit| !digit.is_whitespace())
        .map(|digit| digit.to_digit(16).map(|value| value as u8))
        .collect::<Option<_>>()
        .ok_or("bytes are pairs of hexadecimal digits")?;
    let (pairs, rest) = digits.as_chunks::<2>();
    if !rest.is_empty() {
        return Err("bytes are pairs of hexadecimal digits; one is left over");
    }
    Ok(pairs.iter().map(|[high, low]| high << 4 | low).collect())
}

/// The text of some bytes.
pub fn show(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_and_its_bytes() {
        assert_eq!(
            parse("01 fF\n7").unwrap_err(),
            "bytes are pairs of hexadecimal digits; one is left over"
        );
        assert_eq!(
            parse("0x01").unwrap_err(),
            "bytes are pairs of hexadecimal digits"
        );
        assert_eq!(parse("01 fF").as_deref(), Ok(&[1, 255][..]));
        assert_eq!(parse(&show(&[0, 0x9a])).as_deref(), Ok(&[0, 0x9a][..]));
    }
}
