//! ISO 4217 codes (list one of 2024, funds and metals left out).

/// Active codes, sorted, three letters each.
const CODES: &str = "AEDAFNALLAMDAOAARSAUDAWGAZNBAMBBDBDTBGNBHDBIFBMDBNDBOBBRLBSDBTNBWPBYNBZDCADCDFCHFCLPCNYCOPCRCCUPCVECZKDJFDKKDOPDZDEGPERNETBEURFJDFKPGBPGELGHSGIPGMDGNFGTQGYDHKDHNLHTGHUFIDRILSINRIQDIRRISKJMDJODJPYKESKGSKHRKMFKPWKRWKWDKYDKZTLAKLBPLKRLRDLSLLYDMADMDLMGAMKDMMKMNTMOPMRUMURMVRMWKMXNMYRMZNNADNGNNIONOKNPRNZDOMRPABPENPGKPHPPKRPLNPYGQARRONRSDRUBRWFSARSBDSCRSDGSEKSGDSHPSLESOSSRDSSPSTNSVCSYPSZLTHBTJSTMTTNDTOPTRYTTDTWDTZSUAHUGXUSDUYUUZSVEDVESVNDVUVWSTXAFXCDXCGXOFXPFYERZARZMWZWG";

/// Whether the code is an ISO 4217 currency.
pub(crate) fn is_currency(code: &str) -> bool {
    code.len() == 3 && CODES.as_bytes().chunks_exact(3).any(|known| known == code.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_codes_and_nothing_else() {
        assert!(["JPY", "USD", "EUR", "KWD"].iter().all(|code| is_currency(code)));
        assert!(["", "jpy", "JP", "JPYX", "XXX", "円"].iter().all(|code| !is_currency(code)));
        let codes: Vec<_> = CODES.as_bytes().chunks(3).collect();
        assert!(codes.iter().all(|c| c.len() == 3) && codes.is_sorted());
    }
}
