//! Parts of an identifier that a list may hold: how it begins, or the domains that it is in.

use smallvec::SmallVec;

/// Parts of more bytes or labels are on no list.
pub(crate) const LONGEST_PART: usize = 64;

/// Names of hosts have no more bytes.
const LONGEST_DOMAIN: usize = 253;

/// Calls `find` with each beginning of `text` whose number of bytes is among `sizes`, the longest first, until it
/// finds something.
pub(crate) fn find_beginning<R>(
    text: &[u8],
    sizes: u64,
    mut find: impl FnMut(&[u8]) -> Option<R>,
) -> Option<R> {
    let longest = text.len().min(LONGEST_PART);
    let mut lengths = (1..=longest).rev().filter(|length| has_size(sizes, *length));
    lengths.find_map(|length| find(text.get(..length)?))
}

/// Calls `find` with each domain that an address of mail or the name of a host is in and whose number of labels is
/// among `sizes`, the one with most labels first, until it finds something.
pub(crate) fn find_domain<R>(text: &[u8], sizes: u64, mut find: impl FnMut(&[u8]) -> Option<R>) -> Option<R> {
    let domain = domain_of(text);
    let dots = domain.iter().enumerate().rev().filter(|(_, byte)| **byte == b'.').map(|(at, _)| at);
    // Where each domain begins, that with fewest labels first. Names with more labels are not looked for.
    let starts: SmallVec<[usize; LONGEST_PART]> =
        dots.map(|dot| dot + 1).chain([0]).take(LONGEST_PART).collect();
    let mut domains = starts.iter().enumerate().rev().filter(|(labels, _)| has_size(sizes, labels + 1));
    domains.find_map(|(_, start)| find(domain.get(*start..)?))
}

/// The number of bytes of a beginning as a bit; `None` when there are none or too many.
pub(crate) fn size_of_beginning(text: &[u8]) -> Option<u64> {
    size(text.len())
}

/// A domain as lists hold it, and its number of labels as a bit; `None` when it is none: to take an address of mail or
/// a link for its domain would list everybody in it.
pub(crate) fn domain_with_size(text: &str) -> Option<(SmallVec<[u8; LONGEST_DOMAIN]>, u64)> {
    if text.contains(|c: char| matches!(c, '@' | '/' | ':') || c.is_whitespace()) {
        return None;
    }
    let domain = domain_of(text.strip_prefix("*.").unwrap_or(text).trim_start_matches('.').as_bytes());
    let labels = domain.split(|byte| *byte == b'.');
    let fine = domain.len() <= LONGEST_DOMAIN && labels.clone().all(|label| !label.is_empty());
    let size = size(labels.count())?;
    fine.then_some((domain, size))
}

/// What follows the last `@`, in lower case and without a dot at its end. Of longer text than a domain can be, the end,
/// with a byte too many, so that what was cut is none.
fn domain_of(text: &[u8]) -> SmallVec<[u8; LONGEST_DOMAIN]> {
    let text = text.rsplit(|byte| *byte == b'@').next().unwrap_or_default();
    let text = text.strip_suffix(b".").unwrap_or(text);
    let end = text.get(text.len().saturating_sub(LONGEST_DOMAIN + 1)..).unwrap_or_default();
    end.iter().map(u8::to_ascii_lowercase).collect()
}

fn size(length: usize) -> Option<u64> {
    (1..=LONGEST_PART).contains(&length).then(|| 1 << (length - 1))
}

fn has_size(sizes: u64, length: usize) -> bool {
    size(length).is_some_and(|size| sizes & size != 0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn domains(text: &str) -> Vec<String> {
        let mut all = Vec::new();
        find_domain(text.as_bytes(), u64::MAX, |part| {
            all.push(String::from_utf8_lossy(part).into_owned());
            None::<()>
        });
        all
    }

    #[test]
    fn domains_from_the_narrowest_on() {
        assert_eq!(
            domains("Hanako@Mail.Example.CO.JP."),
            ["mail.example.co.jp", "example.co.jp", "co.jp", "jp"]
        );
        assert_eq!(domains("host"), ["host"]);
        assert_eq!(domains("a@b@c.d"), ["c.d", "d"]);
        // What is no domain is in none that a list can hold.
        assert!(domains("").iter().all(|domain| domain_with_size(domain).is_none()));
        for text in ["a..b", "a@b.c", "@b.c", "https://b.c/x", "b.c/x", "b.c:25", "b.c ", "b\u{3000}.c"] {
            assert!(domain_with_size(text).is_none(), "{text}");
        }
        assert_eq!(
            domain_with_size("*.Example.com").map(|(domain, size)| (domain.to_vec(), size)),
            Some((b"example.com".to_vec(), 2))
        );
    }

    #[test]
    fn ten_thousand_labels_are_harmless() {
        let many = format!("{}example.com", "a.".repeat(10_000));
        let found = domains(&many);
        assert_eq!(found.len(), LONGEST_PART);
        assert_eq!(found.last().map(String::as_str), Some("com"));
        assert!(found.contains(&"example.com".to_owned()));
        assert!(domain_with_size(&many).is_none());
    }

    proptest! {
        /// The first that is found is the longest of all listed ones that the definition allows.
        #[test]
        fn the_longest_that_is_listed(text in "[abc.@]{0,12}", listed in proptest::collection::vec("[abc.]{1,4}", 0..6)) {
            let sizes = listed.iter().filter_map(|part| size_of_beginning(part.as_bytes())).fold(0, |all, size| all | size);
            let found = find_beginning(text.as_bytes(), sizes, |part| listed.iter().find(|listed| listed.as_bytes() == part));
            let expected = listed.iter().filter(|part| text.starts_with(*part)).max_by_key(|part| part.len());
            prop_assert_eq!(found, expected);

            let known: Vec<_> = listed.iter().filter_map(|part| domain_with_size(part)).collect();
            let sizes = known.iter().fold(0, |all, (_, size)| all | size);
            let found = find_domain(text.as_bytes(), sizes, |part| known.iter().find(|(known, _)| **known == *part).map(|(known, _)| known.to_vec()));
            let host = text.rsplit('@').next().unwrap_or_default();
            let host = host.strip_suffix('.').unwrap_or(host);
            let is_in = |domain: &[u8]| host.as_bytes() == domain || host.as_bytes().strip_suffix(domain).is_some_and(|front| front.ends_with(b"."));
            let expected = known.iter().map(|(known, _)| known.to_vec()).filter(|domain| is_in(domain)).max_by_key(Vec::len);
            prop_assert_eq!(found, expected);
        }
    }
}
