//! The one table of event fields. Documentation, C field numbers and Python names come from here.

use std::borrow::Cow;
use std::fmt;

/// An event field, by its number.
///
/// Built-in fields have fixed numbers below 1000 that are never reused; the attributes and entities that a
/// policy declares follow from 1000 in the order of the policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Field(pub(crate) u16);

/// The first number of the fields that a policy declares.
pub(crate) const FIRST_DECLARED: u16 = 1000;

impl Field {
    /// The field's number, as C programs use it.
    pub fn number(self) -> u16 {
        self.0
    }

    /// Where the field's value stands in an event: those that a policy declares behind all others.
    pub(crate) fn index(self) -> usize {
        let number = usize::from(self.0);
        if self.0 < FIRST_DECLARED {
            // No field has the number 0, and no event a value where that would stand.
            number.wrapping_sub(1)
        } else {
            number - usize::from(FIRST_DECLARED) + FIELDS.len()
        }
    }
}

/// What kind of value a field takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FieldKind {
    /// The event's own identifier: hashed; an event is recorded once under it.
    Identifier = 1,
    /// An identifier of somebody or something that history is kept about: hashed at the door.
    Entity = 2,
    /// Text of at most 4,096 bytes.
    Text = 3,
    /// An integer within ±2^53, so that it is exact in every language and format.
    Integer = 4,
    /// A finite double.
    Number = 5,
    /// True or false.
    Boolean = 6,
    /// Milliseconds since 1970-01-01T00:00:00Z.
    Time = 7,
}

impl FieldKind {
    /// Whether the value is a word of its own: a number, time or boolean.
    pub(crate) fn is_plain(self) -> bool {
        matches!(self, FieldKind::Integer | FieldKind::Number | FieldKind::Boolean | FieldKind::Time)
    }
}

impl Field {
    /// The name of a built-in field.
    pub(crate) fn name(self) -> &'static str {
        FIELDS.get(self.index()).map_or("", |spec| &spec.name)
    }
}

impl FieldKind {
    /// What a value of this kind is called in messages.
    pub fn name(self) -> &'static str {
        match self {
            FieldKind::Identifier => "identifier",
            FieldKind::Entity => "entity",
            FieldKind::Text => "text",
            FieldKind::Integer => "integer",
            FieldKind::Number => "number",
            FieldKind::Boolean => "boolean",
            FieldKind::Time => "time",
        }
    }
}

/// What a field's values must look like, beyond their kind.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Domain {
    Any,
    Choice(Cow<'static, [Cow<'static, str>]>),
    Currency,
    Country,
    CategoryCode,
    Range(f64, f64),
    Address,
    CardNumber,
    AutonomousSystem,
    IssuerPrefix,
}

/// One row of the table of fields.
#[derive(Clone, Debug, PartialEq)]
pub struct FieldSpec {
    pub(crate) field: Field,
    pub(crate) name: Cow<'static, str>,
    pub(crate) kind: FieldKind,
    /// The kind of entity: fields of one kind share tokens, so a list of addresses serves both addresses.
    pub(crate) entity: Cow<'static, str>,
    pub(crate) domain: Domain,
    pub(crate) meaning: Cow<'static, str>,
    pub(crate) counterpart: &'static str,
}

impl FieldSpec {
    /// The field itself.
    pub fn field(&self) -> Field {
        self.field
    }

    /// The name, as policies and Python write it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The kind of its values.
    pub fn kind(&self) -> FieldKind {
        self.kind
    }

    /// The kind of entity that it identifies, if it does.
    pub fn entity(&self) -> Option<&str> {
        (self.kind == FieldKind::Entity).then_some(&*self.entity)
    }

    /// What it means, in one line.
    pub fn meaning(&self) -> &str {
        &self.meaning
    }

    /// Its counterpart in EMV 3-DS, ISO 8583 or CAEP; empty where there is none.
    pub fn counterpart(&self) -> &str {
        self.counterpart
    }

    /// The closed set of values, if the field has one.
    pub fn choices(&self) -> Option<impl Iterator<Item = &str>> {
        match &self.domain {
            Domain::Choice(values) => Some(values.iter().map(|v| &**v)),
            _ => None,
        }
    }
}

impl fmt::Display for FieldSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

const fn text(s: &'static str) -> Cow<'static, str> {
    Cow::Borrowed(s)
}

/// The event types that need no declaration.
pub(crate) static EVENT_TYPES: [Cow<'static, str>; 12] = [
    text("login"),
    text("account_open"),
    text("account_link"),
    text("top_up"),
    text("payment"),
    text("transfer"),
    text("withdrawal"),
    text("profile_change"),
    text("card_issue"),
    text("code_issue"),
    text("code_present"),
    text("token_use"),
];

pub(crate) static OUTCOMES: [Cow<'static, str>; 8] = [
    text("pending"),
    text("approved"),
    text("declined"),
    text("succeeded"),
    text("failed"),
    text("challenged"),
    text("abandoned"),
    text("reversed"),
];

pub(crate) static LABELS: [Cow<'static, str>; 2] = [text("fraud"), text("genuine")];

static AUTHENTICATION_RESULTS: [Cow<'static, str>; 3] = [text("passed"), text("failed"), text("abandoned")];
static MATCHES: [Cow<'static, str>; 3] = [text("match"), text("mismatch"), text("not_comparable")];
static ADDRESS_CLASSES: [Cow<'static, str>; 7] = [
    text("residential"),
    text("mobile"),
    text("business"),
    text("hosting"),
    text("proxy"),
    text("vpn"),
    text("tor"),
];
static DEVICE_TYPES: [Cow<'static, str>; 6] =
    [text("desktop"), text("mobile"), text("tablet"), text("tv"), text("bot"), text("other")];
static CHANGES: [Cow<'static, str>; 7] = [
    text("email"),
    text("phone"),
    text("password"),
    text("address"),
    text("device"),
    text("limit"),
    text("name"),
];

const fn choice(values: &'static [Cow<'static, str>]) -> Domain {
    Domain::Choice(Cow::Borrowed(values))
}

macro_rules! fields {
    ($($number:literal $constant:ident $name:literal $kind:ident $entity:literal $domain:expr, $meaning:literal, $counterpart:literal;)*) => {
        impl Field {
            $(#[doc = concat!("`", $name, "`: ", $meaning)] pub const $constant: Field = Field($number);)*
        }

        /// Every built-in field in the order of its number.
        pub static FIELDS: &[FieldSpec] = &[
            $(FieldSpec {
                field: Field($number),
                name: text($name),
                kind: FieldKind::$kind,
                entity: text($entity),
                domain: $domain,
                meaning: text($meaning),
                counterpart: $counterpart,
            },)*
        ];
    };
}

// The numbers are dense from 1: a field's place in an event is its number less one.
fields! {
    1 ID "id" Identifier "" Domain::Any, "identifier of the event; recorded once under it", "ISO 8583 DE37 with DE11; threeDSServerTransID";
    2 TYPE "type" Text "" choice(&EVENT_TYPES), "what happened", "ISO 8583 MTI with DE3; CAEP event type";
    3 TIME "time" Time "" Domain::Any, "when it happened", "ISO 8583 DE7; CAEP event_timestamp";
    4 CHANNEL "channel" Text "" Domain::Any, "the way in: app, web, branch, terminal, api", "EMV deviceChannel";
    5 OUTCOME "outcome" Text "" choice(&OUTCOMES), "how it ended, as far as known", "ISO 8583 DE39; EMV transStatus";
    6 RESPONSE_CODE "response_code" Text "" Domain::Any, "response code, unaltered", "ISO 8583 DE39";
    7 AMOUNT_MINOR "amount_minor" Integer "" Domain::Any, "amount in minor units of `currency`", "ISO 8583 DE4; EMV purchaseAmount";
    8 AMOUNT_BASE_MINOR "amount_base_minor" Integer "" Domain::Any, "amount in minor units of the policy's currency, for events in another one", "ISO 8583 DE5";
    9 CURRENCY "currency" Text "" Domain::Currency, "ISO 4217 code; the policy's currency when absent", "ISO 8583 DE49; EMV purchaseCurrency";
    10 ACCOUNT "account" Entity "account" Domain::Any, "the customer's account at the host", "EMV acctID; CAEP subject";
    11 SESSION "session" Entity "session" Domain::Any, "session or access token", "CAEP session";
    12 IP "ip" Entity "ip" Domain::Address, "source address, v4 or v6", "EMV browserIP";
    13 ASN "asn" Entity "asn" Domain::AutonomousSystem, "autonomous system of the address, by number", "";
    14 COUNTRY "country" Text "" Domain::Country, "country of the address or terminal, ISO 3166 alpha-2", "ISO 8583 DE43, DE19";
    15 DEVICE "device" Entity "device" Domain::Any, "device identifier of the host or its SDK", "EMV sdkAppID";
    16 CARD "card" Entity "card" Domain::CardNumber, "card number, or the host's token for it", "ISO 8583 DE2; EMV acctNumber";
    17 BIN "bin" Entity "bin" Domain::IssuerPrefix, "issuer identification number; the card number's first 8 digits when absent", "ISO 8583 DE2";
    18 BANK_ACCOUNT "bank_account" Entity "bank_account" Domain::Any, "bank account that is linked, charged or paid", "ISO 20022 DbtrAcct, CdtrAcct";
    19 HOLDER_NAME "holder_name" Entity "holder_name" Domain::Any, "name of the card's or account's holder", "EMV cardholderName; ISO 20022 Dbtr";
    20 PAYEE "payee" Entity "payee" Domain::Any, "who receives the money", "ISO 20022 Cdtr";
    21 MERCHANT "merchant" Entity "merchant" Domain::Any, "merchant", "ISO 8583 DE42; EMV acquirerMerchantID";
    22 TERMINAL "terminal" Entity "terminal" Domain::Any, "terminal", "ISO 8583 DE41";
    23 MCC "mcc" Text "" Domain::CategoryCode, "merchant category code, four digits", "ISO 8583 DE18; EMV mcc";
    24 POS_ENTRY_MODE "pos_entry_mode" Text "" Domain::Any, "entry mode, unaltered", "ISO 8583 DE22";
    25 EMAIL "email" Entity "email" Domain::Any, "e-mail address", "EMV email";
    26 PHONE "phone" Entity "phone" Domain::Any, "phone number", "EMV mobilePhone";
    27 BILLING_ADDRESS "billing_address" Entity "address" Domain::Any, "billing address", "EMV billAddrLine1";
    28 SHIPPING_ADDRESS "shipping_address" Entity "address" Domain::Any, "shipping address", "EMV shipAddrLine1";
    29 LATITUDE "latitude" Number "" Domain::Range(-90.0, 90.0), "latitude in degrees", "";
    30 LONGITUDE "longitude" Number "" Domain::Range(-180.0, 180.0), "longitude in degrees", "";
    31 RADIUS_KM "radius_km" Number "" Domain::Range(0.0, 20_038.0), "radius of uncertainty of the position in km", "";
    32 LABEL "label" Text "" choice(&LABELS), "what was learnt later: fraud or genuine; only `where` reads it", "Visa TC40; Mastercard SAFE";
    33 LABELLED_AT "labelled_at" Time "" Domain::Any, "when the label became known", "";
    34 DEVICE_PLATFORM "device.platform" Text "" Domain::Any, "operating system", "EMV device information C001";
    35 DEVICE_MODEL "device.model" Text "" Domain::Any, "model", "EMV device information C002";
    36 DEVICE_OS_VERSION "device.os_version" Text "" Domain::Any, "version of the operating system", "EMV device information C004";
    37 DEVICE_APP_VERSION "device.app_version" Text "" Domain::Any, "version of the host's app", "";
    38 DEVICE_INTEGRITY "device.integrity" Text "" Domain::Any, "verdict of the platform's attestation", "CAEP device-compliance-change";
    39 DEVICE_ROOTED "device.rooted" Boolean "" Domain::Any, "the device is rooted or jailbroken", "EMV SDK security warning SW01";
    40 DEVICE_EMULATOR "device.emulator" Boolean "" Domain::Any, "the device is an emulator", "EMV SDK security warning SW03";
    41 DEVICE_SCREEN_WIDTH "device.screen_width" Integer "" Domain::Any, "screen width in pixels", "EMV device information C008";
    42 DEVICE_SCREEN_HEIGHT "device.screen_height" Integer "" Domain::Any, "screen height in pixels", "EMV device information C008";
    43 DEVICE_TIME_ZONE "device.time_zone" Text "" Domain::Any, "time zone of the device", "EMV device information C006";
    44 DEVICE_LANGUAGE "device.language" Text "" Domain::Any, "language of the device", "EMV device information C005";
    45 BROWSER_USER_AGENT "browser.user_agent" Text "" Domain::Any, "user agent", "EMV browserUserAgent";
    46 BROWSER_LANGUAGE "browser.language" Text "" Domain::Any, "language of the browser", "EMV browserLanguage";
    47 BROWSER_ACCEPT_HEADER "browser.accept_header" Text "" Domain::Any, "accept header", "EMV browserAcceptHeader";
    48 BROWSER_TIME_ZONE_OFFSET_MINUTES "browser.time_zone_offset_minutes" Integer "" Domain::Range(-900.0, 900.0), "minutes from local time to UTC, -540 in Japan", "EMV browserTZ";
    49 BROWSER_COLOR_DEPTH "browser.color_depth" Integer "" Domain::Any, "bits a pixel", "EMV browserColorDepth";
    50 BROWSER_SCREEN_HEIGHT "browser.screen_height" Integer "" Domain::Any, "screen height in pixels", "EMV browserScreenHeight";
    51 BROWSER_SCREEN_WIDTH "browser.screen_width" Integer "" Domain::Any, "screen width in pixels", "EMV browserScreenWidth";
    52 BROWSER_JAVA_ENABLED "browser.java_enabled" Boolean "" Domain::Any, "java is enabled", "EMV browserJavaEnabled";
    53 BROWSER_JAVASCRIPT_ENABLED "browser.javascript_enabled" Boolean "" Domain::Any, "javascript is enabled", "EMV browserJavascriptEnabled";
    54 AUTH_METHOD "auth.method" Text "" Domain::Any, "how the customer authenticated: password, otp, biometric, ...", "EMV threeDSReqAuthMethod; OpenID amr";
    55 AUTH_RESULT "auth.result" Text "" choice(&AUTHENTICATION_RESULTS), "how the authentication ended", "EMV transStatus";
    56 AUTH_STRENGTH "auth.strength" Integer "" Domain::Range(0.0, 4.0), "authenticator assurance level reached, 0 for none", "NIST SP 800-63B AAL; CAEP assurance-level-change";
    57 AUTH_TRANS_STATUS "auth.trans_status" Text "" Domain::Any, "3-DS status, unaltered", "EMV transStatus";
    58 AUTH_TRANS_STATUS_REASON "auth.trans_status_reason" Text "" Domain::Any, "3-DS status reason, unaltered", "EMV transStatusReason";
    59 AUTH_ECI "auth.eci" Text "" Domain::Any, "electronic commerce indicator, unaltered", "EMV eci";
    60 AUTH_CVV_RESULT "auth.cvv_result" Text "" Domain::Any, "result code of the security code check, never the code", "ISO 8583 DE44";
    61 AUTH_AVS_RESULT "auth.avs_result" Text "" Domain::Any, "result code of the address check", "ISO 8583 DE44";
    62 AUTH_HOLDER_MATCH "auth.holder_match" Text "" choice(&MATCHES), "whether the holder's data agree with the other side's", "";
    63 ACCOUNT_CREATED_AT "account.created_at" Time "" Domain::Any, "when the account was opened", "EMV chAccDate";
    64 ACCOUNT_EMAIL_CHANGED_AT "account.email_changed_at" Time "" Domain::Any, "last change of the e-mail address", "EMV chAccChange; RISC identifier-changed";
    65 ACCOUNT_PHONE_CHANGED_AT "account.phone_changed_at" Time "" Domain::Any, "last change of the phone number", "EMV chAccChange";
    66 ACCOUNT_PASSWORD_CHANGED_AT "account.password_changed_at" Time "" Domain::Any, "last change of the password", "EMV chAccPwChange; CAEP credential-change";
    67 ACCOUNT_ADDRESS_CHANGED_AT "account.address_changed_at" Time "" Domain::Any, "last change of the postal address", "EMV chAccChange";
    68 ACCOUNT_CHANGED "account.changed" Text "" choice(&CHANGES), "what this profile change alters", "EMV chAccChangeInd; CAEP credential-change";
    69 ACCOUNT_STATUS "account.status" Text "" Domain::Any, "status at the host", "RISC account-disabled";
    70 ACCOUNT_KYC_EVIDENCE "account.kyc_evidence" Text "" Domain::Any, "class of evidence of the identity check", "";
    71 PAYEE_CREATED_AT "payee.created_at" Time "" Domain::Any, "when the payee was registered", "";
    72 PAYEE_COUNTRY "payee.country" Text "" Domain::Country, "country of the payee, ISO 3166 alpha-2", "ISO 20022 CdtrAgt";
    73 PAYEE_NAME_MATCH "payee.name_match" Text "" choice(&MATCHES), "whether the payee's name agrees with its account", "";
    74 SHIP_TO_COUNTRY "ship_to.country" Text "" Domain::Country, "country that is shipped to, ISO 3166 alpha-2", "EMV shipAddrCountry";
    75 SHIP_TO_INDICATOR "ship_to.indicator" Text "" Domain::Any, "shipping indicator, unaltered", "EMV shipIndicator";
    76 SHIP_TO_DELIVERY_TIMEFRAME "ship_to.delivery_timeframe" Text "" Domain::Any, "delivery time frame, unaltered", "EMV deliveryTimeframe";
    77 SHIP_TO_NAME_MATCH "ship_to.name_match" Boolean "" Domain::Any, "the recipient is the account's holder", "EMV shipNameIndicator";
    78 SHIP_TO_FIRST_USED_AT "ship_to.first_used_at" Time "" Domain::Any, "first use of the shipping address", "EMV shipAddressUsage";
    79 CODE "code" Entity "code" Domain::Any, "one-time code, QR code or token that is issued and presented", "";
    80 CREDENTIAL "credential" Entity "credential" Domain::Any, "digest of the password or secret that was tried", "";
    81 TLS_FINGERPRINT "tls_fingerprint" Entity "tls_fingerprint" Domain::Any, "fingerprint of the TLS client, as the host computes it", "";
    82 CLIENT_CERTIFICATE "client_certificate" Entity "client_certificate" Domain::Any, "fingerprint of the client's certificate", "RFC 8705 x5t#S256";
    83 IP_CLASS "ip.class" Text "" choice(&ADDRESS_CLASSES), "class of the address, where the host knows it", "";
    84 IP_TIME_ZONE_OFFSET_MINUTES "ip.time_zone_offset_minutes" Integer "" Domain::Range(-900.0, 900.0), "minutes from UTC to local time where the address is, 540 in Japan", "";
    85 CARD_COUNTRY "card.country" Text "" Domain::Country, "country of the card's issuer, ISO 3166 alpha-2", "ISO 8583 DE20";
    86 BILL_TO_COUNTRY "bill_to.country" Text "" Domain::Country, "country of the billing address, ISO 3166 alpha-2", "EMV billAddrCountry";
    87 DEVICE_TYPE "device.type" Text "" choice(&DEVICE_TYPES), "class of device", "EMV deviceChannel";
    88 BROWSER_NAME "browser.name" Text "" Domain::Any, "browser without its version", "Sec-CH-UA";
    89 BROWSER_VERSION "browser.version" Text "" Domain::Any, "version of the browser, numbers with dots", "Sec-CH-UA-Full-Version-List";
    90 BROWSER_PLATFORM "browser.platform" Text "" Domain::Any, "operating system that the client hints name", "Sec-CH-UA-Platform";
    91 BROWSER_MOBILE "browser.mobile" Boolean "" Domain::Any, "the client hints call the device mobile", "Sec-CH-UA-Mobile";
    92 BROWSER_PIXEL_RATIO "browser.pixel_ratio" Number "" Domain::Range(0.0, 100.0), "device pixels for each pixel of a page", "";
    93 BROWSER_TIME_ZONE "browser.time_zone" Text "" Domain::Any, "time zone of the browser, IANA name", "";
    94 BROWSER_CANVAS "browser.canvas" Text "" Domain::Any, "digest of what the browser's canvas draws", "";
    95 BROWSER_WEBGL "browser.webgl" Text "" Domain::Any, "digest of what the browser's WebGL draws", "";
    96 BROWSER_GPU "browser.gpu" Text "" Domain::Any, "renderer that WebGL names", "";
    97 BROWSER_FONTS "browser.fonts" Text "" Domain::Any, "digest of the fonts that are installed", "";
    98 BROWSER_HARDWARE_CONCURRENCY "browser.hardware_concurrency" Integer "" Domain::Range(0.0, 65_536.0), "logical processors that the browser names", "";
    99 BROWSER_DEVICE_MEMORY "browser.device_memory" Number "" Domain::Range(0.0, 65_536.0), "memory that the browser names, in GiB", "Sec-CH-Device-Memory";
    100 BROWSER_TOUCH_POINTS "browser.touch_points" Integer "" Domain::Range(0.0, 256.0), "touches at once that the browser supports", "";
    101 AUTH_EXPIRY_RESULT "auth.expiry_result" Text "" choice(&MATCHES), "whether the card's date of expiry agrees", "ISO 8583 DE39 54";
    102 SESSION_STARTED_AT "session.started_at" Time "" Domain::Any, "when the session was opened", "CAEP session-established";
    103 SESSION_SCOPE "session.scope" Text "" Domain::Any, "what the session or token may do", "OAuth 2.0 scope";
    104 SESSION_BEHAVIOUR_SCORE "session.behaviour_score" Number "" Domain::Range(0.0, 1.0), "how like the customer's own the typing and swiping is, as the host computes it; 1 is alike", "";
    105 ACCOUNT_HOLDER_NAME "account.holder_name" Entity "holder_name" Domain::Any, "name of the account's holder as the host knows it, to compare with `holder_name`", "";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_dense_and_names_unique() {
        let mut names = std::collections::BTreeSet::new();
        for (index, spec) in FIELDS.iter().enumerate() {
            assert_eq!(spec.field.index(), index, "{spec}");
            assert!(names.insert(spec.name.clone()), "{spec} twice");
            assert_eq!(spec.kind == FieldKind::Entity, !spec.entity.is_empty(), "{spec}");
        }
    }
}
