//! ISO 4217 codes (list one of 2024, funds and metals left out).

/// Active codes, sorted, three letters each.
const CODES: &str = "AEDAFNALLAMDAOAARSAUDAWGAZNBAMBBDBDTBGNBHDBIFBMDBNDBOBBRLBSDBTNBWPBYNBZDCADCDFCHFCLPCNYCOPCRCCUPCVECZKDJFDKKDOPDZDEGPERNETBEURFJDFKPGBPGELGHSGIPGMDGNFGTQGYDHKDHNLHTGHUFIDRILSINRIQDIRRISKJMDJODJPYKESKGSKHRKMFKPWKRWKWDKYDKZTLAKLBPLKRLRDLSLLYDMADMDLMGAMKDMMKMNTMOPMRUMURMVRMWKMXNMYRMZNNADNGNNIONOKNPRNZDOMRPABPENPGKPHPPKRPLNPYGQARRONRSDRUBRWFSARSBDSCRSDGSEKSGDSHPSLESOSSRDSSPSTNSVCSYPSZLTHBTJSTMTTNDTOPTRYTTDTWDTZSUAHUGXUSDUYUUZSVEDVESVNDVUVWSTXAFXCDXCGXOFXPFYERZARZMWZWG";

/// Whether the code is an ISO 4217 currency.
pub(crate) fn is_currency(code: &str) -> bool {
    let (codes, _) = CODES.as_bytes().as_chunks();
    <[u8; 3]>::try_from(code.as_bytes()).is_ok_and(|code| codes.binary_search(&code).is_ok())
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
