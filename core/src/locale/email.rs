//! E-mail addresses: one form for each mailbox.

use unicode_normalization::UnicodeNormalization;

use super::text::before;
use crate::error::{Error, ErrorKind, Result};
use crate::wiped::Wiped;

/// Domains that deliver to one mailbox whatever of these characters stands in its name, and the domain that they are
/// known by.
///
/// Source: the help pages of Gmail and Proton Mail on dots and domains of an address.
const MAILBOXES: [(&str, &str, &str); 5] = [
    ("gmail.com", "gmail.com", "."),
    ("googlemail.com", "gmail.com", "."),
    ("proton.me", "proton.me", ".-_"),
    ("protonmail.com", "proton.me", ".-_"),
    ("pm.me", "proton.me", ".-_"),
];

/// Bytes of the part before the `@` (RFC 5321), of a label and of the whole domain (RFC 1035).
const LONGEST_LOCAL: usize = 64;
const LONGEST_LABEL: usize = 63;
const LONGEST_DOMAIN: usize = 253;

/// An e-mail address.
///
/// ```
/// use sekisho::locale::Email;
///
/// let email = Email::parse("Taro.Yamada+shop@GoogleMail.com")?;
/// assert_eq!(email.canonical(), "taroyamada@gmail.com");
/// assert_eq!(email.domain(), "gmail.com");
/// # Ok::<(), sekisho::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Email {
    canonical: Wiped,
    /// Where the domain starts.
    domain: usize,
}

impl Email {
    /// Reads an address: its width and case count for nothing, nor does a tag behind `+`, nor dots where the domain
    /// ignores them. Dots in a row and before the `@` are fine: carriers in Japan have given such addresses out.
    ///
    /// # Errors
    /// [`ErrorKind::OutOfRange`] when it is no address: not one `@`, nothing before it, characters that stand in none,
    /// a domain without a dot.
    pub fn parse(text: &str) -> Result<Email> {
        let mut folded = Wiped::with_capacity(text.len());
        if text.is_ascii() {
            folded.extend(text.chars().map(|c| c.to_ascii_lowercase()));
        } else {
            folded.extend(text.chars().filter_map(before).nfkc().flat_map(char::to_lowercase));
        }
        let address = folded.trim();
        let address = address.strip_prefix("mailto:").unwrap_or(address);
        let (local, domain) = address.rsplit_once('@').ok_or_else(refused)?;
        // Quotes were the way to write an address with dots in a row.
        let local = local.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(local);
        let domain: Wiped = domain.chars().map(|c| if c == '。' { '.' } else { c }).collect();
        let domain = domain.strip_suffix('.').unwrap_or(&domain);
        if !is_local(local) || !is_domain(domain) {
            return Err(refused());
        }
        let local = match local.split_once('+') {
            Some((name, _)) if !name.is_empty() => name,
            _ => local,
        };
        let known = MAILBOXES.iter().find(|(alias, ..)| *alias == domain);
        let (_, domain, ignored) = known.copied().unwrap_or((domain, domain, ""));
        let mut canonical = Wiped::with_capacity(local.len() + 1 + domain.len());
        canonical.extend(local.chars().filter(|c| !ignored.contains(*c)));
        if canonical.is_empty() {
            return Err(refused());
        }
        canonical.push('@');
        let start = canonical.len();
        canonical.push_str(domain);
        Ok(Email { canonical, domain: start })
    }

    /// The address in its one form.
    pub fn canonical(&self) -> &str {
        &self.canonical
    }

    /// What stands behind the `@`.
    pub fn domain(&self) -> &str {
        self.canonical.get(self.domain..).unwrap_or_default()
    }
}

fn refused() -> Error {
    Error::new(ErrorKind::OutOfRange, "found no e-mail address, expected one such as name@example.jp")
}

fn is_local(local: &str) -> bool {
    let fine = |c: char| match c {
        c if c.is_ascii() => c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~.".contains(c),
        c => c.is_alphanumeric(),
    };
    (1..=LONGEST_LOCAL).contains(&local.len()) && local.chars().all(fine)
}

fn is_domain(domain: &str) -> bool {
    let is_label = |label: &str| {
        (1..=LONGEST_LABEL).contains(&label.len())
            && label.chars().all(|c| c == '-' || c.is_alphanumeric() || !c.is_ascii() && !c.is_whitespace())
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    domain.len() <= LONGEST_DOMAIN && domain.contains('.') && domain.split('.').all(is_label)
}
