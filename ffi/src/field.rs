//! The built-in event fields by number: the table of the core, in C's words.

/// The built-in event fields. The numbers are never reused; fields that a policy declares follow from 1000,
/// see sekisho_policy_field.
#[repr(u16)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum sekisho_field {
    /// `id`, identifier: identifier of the event; recorded once under it.
    Id = 1,
    /// `type`, text: what happened.
    Type = 2,
    /// `time`, time: when it happened.
    Time = 3,
    /// `channel`, text: the way in: app, web, branch, terminal, api.
    Channel = 4,
    /// `outcome`, text: how it ended, as far as known.
    Outcome = 5,
    /// `response_code`, text: response code, unaltered.
    ResponseCode = 6,
    /// `amount_minor`, integer: amount in minor units of `currency`.
    AmountMinor = 7,
    /// `amount_base_minor`, integer: amount in minor units of the policy's currency, for events in another
    /// one.
    AmountBaseMinor = 8,
    /// `currency`, text: ISO 4217 code; the policy's currency when absent.
    Currency = 9,
    /// `account`, entity: the customer's account at the host.
    Account = 10,
    /// `session`, entity: session or access token.
    Session = 11,
    /// `ip`, entity: source address, v4 or v6.
    Ip = 12,
    /// `asn`, entity: autonomous system of the address, by number.
    Asn = 13,
    /// `country`, text: country of the address or terminal, ISO 3166 alpha-2.
    Country = 14,
    /// `device`, entity: device identifier of the host or its SDK.
    Device = 15,
    /// `card`, entity: card number, or the host's token for it.
    Card = 16,
    /// `bin`, entity: issuer identification number; the card number's first 8 digits when absent.
    Bin = 17,
    /// `bank_account`, entity: bank account that is linked, charged or paid.
    BankAccount = 18,
    /// `holder_name`, entity: name of the card's or account's holder.
    HolderName = 19,
    /// `payee`, entity: who receives the money.
    Payee = 20,
    /// `merchant`, entity: merchant.
    Merchant = 21,
    /// `terminal`, entity: terminal.
    Terminal = 22,
    /// `mcc`, text: merchant category code, four digits.
    Mcc = 23,
    /// `pos_entry_mode`, text: entry mode, unaltered.
    PosEntryMode = 24,
    /// `email`, entity: e-mail address.
    Email = 25,
    /// `phone`, entity: phone number.
    Phone = 26,
    /// `billing_address`, entity: billing address.
    BillingAddress = 27,
    /// `shipping_address`, entity: shipping address.
    ShippingAddress = 28,
    /// `latitude`, number: latitude in degrees.
    Latitude = 29,
    /// `longitude`, number: longitude in degrees.
    Longitude = 30,
    /// `radius_km`, number: radius of uncertainty of the position in km.
    RadiusKm = 31,
    /// `label`, text: what was learnt later: fraud or genuine; only `where` reads it.
    Label = 32,
    /// `labelled_at`, time: when the label became known.
    LabelledAt = 33,
    /// `device.platform`, text: operating system.
    DevicePlatform = 34,
    /// `device.model`, text: model.
    DeviceModel = 35,
    /// `device.os_version`, text: version of the operating system.
    DeviceOsVersion = 36,
    /// `device.app_version`, text: version of the host's app.
    DeviceAppVersion = 37,
    /// `device.integrity`, text: verdict of the platform's attestation.
    DeviceIntegrity = 38,
    /// `device.rooted`, boolean: the device is rooted or jailbroken.
    DeviceRooted = 39,
    /// `device.emulator`, boolean: the device is an emulator.
    DeviceEmulator = 40,
    /// `device.screen_width`, integer: screen width in pixels.
    DeviceScreenWidth = 41,
    /// `device.screen_height`, integer: screen height in pixels.
    DeviceScreenHeight = 42,
    /// `device.time_zone`, text: time zone of the device.
    DeviceTimeZone = 43,
    /// `device.language`, text: language of the device.
    DeviceLanguage = 44,
    /// `browser.user_agent`, text: user agent.
    BrowserUserAgent = 45,
    /// `browser.language`, text: language of the browser.
    BrowserLanguage = 46,
    /// `browser.accept_header`, text: accept header.
    BrowserAcceptHeader = 47,
    /// `browser.time_zone_offset_minutes`, integer: minutes from local time to UTC, -540 in Japan.
    BrowserTimeZoneOffsetMinutes = 48,
    /// `browser.color_depth`, integer: bits a pixel.
    BrowserColorDepth = 49,
    /// `browser.screen_height`, integer: screen height in pixels.
    BrowserScreenHeight = 50,
    /// `browser.screen_width`, integer: screen width in pixels.
    BrowserScreenWidth = 51,
    /// `browser.java_enabled`, boolean: java is enabled.
    BrowserJavaEnabled = 52,
    /// `browser.javascript_enabled`, boolean: javascript is enabled.
    BrowserJavascriptEnabled = 53,
    /// `auth.method`, text: how the customer authenticated: password, otp, biometric, ....
    AuthMethod = 54,
    /// `auth.result`, text: how the authentication ended.
    AuthResult = 55,
    /// `auth.strength`, integer: authenticator assurance level reached, 0 for none.
    AuthStrength = 56,
    /// `auth.trans_status`, text: 3-DS status, unaltered.
    AuthTransStatus = 57,
    /// `auth.trans_status_reason`, text: 3-DS status reason, unaltered.
    AuthTransStatusReason = 58,
    /// `auth.eci`, text: electronic commerce indicator, unaltered.
    AuthEci = 59,
    /// `auth.cvv_result`, text: result code of the security code check, never the code.
    AuthCvvResult = 60,
    /// `auth.avs_result`, text: result code of the address check.
    AuthAvsResult = 61,
    /// `auth.holder_match`, text: whether the holder's data agree with the other side's.
    AuthHolderMatch = 62,
    /// `account.created_at`, time: when the account was opened.
    AccountCreatedAt = 63,
    /// `account.email_changed_at`, time: last change of the e-mail address.
    AccountEmailChangedAt = 64,
    /// `account.phone_changed_at`, time: last change of the phone number.
    AccountPhoneChangedAt = 65,
    /// `account.password_changed_at`, time: last change of the password.
    AccountPasswordChangedAt = 66,
    /// `account.address_changed_at`, time: last change of the postal address.
    AccountAddressChangedAt = 67,
    /// `account.changed`, text: what this profile change alters.
    AccountChanged = 68,
    /// `account.status`, text: status at the host.
    AccountStatus = 69,
    /// `account.kyc_evidence`, text: class of evidence of the identity check.
    AccountKycEvidence = 70,
    /// `payee.created_at`, time: when the payee was registered.
    PayeeCreatedAt = 71,
    /// `payee.country`, text: country of the payee, ISO 3166 alpha-2.
    PayeeCountry = 72,
    /// `payee.name_match`, text: whether the payee's name agrees with its account.
    PayeeNameMatch = 73,
    /// `ship_to.country`, text: country that is shipped to, ISO 3166 alpha-2.
    ShipToCountry = 74,
    /// `ship_to.indicator`, text: shipping indicator, unaltered.
    ShipToIndicator = 75,
    /// `ship_to.delivery_timeframe`, text: delivery time frame, unaltered.
    ShipToDeliveryTimeframe = 76,
    /// `ship_to.name_match`, boolean: the recipient is the account's holder.
    ShipToNameMatch = 77,
    /// `ship_to.first_used_at`, time: first use of the shipping address.
    ShipToFirstUsedAt = 78,
    /// `code`, entity: one-time code, QR code or token that is issued and presented.
    Code = 79,
    /// `credential`, entity: digest of the password or secret that was tried.
    Credential = 80,
    /// `tls_fingerprint`, entity: fingerprint of the TLS client, as the host computes it.
    TlsFingerprint = 81,
    /// `client_certificate`, entity: fingerprint of the client's certificate.
    ClientCertificate = 82,
    /// `ip.class`, text: class of the address, where the host knows it.
    IpClass = 83,
    /// `ip.time_zone_offset_minutes`, integer: minutes from UTC to local time where the address is, 540 in Japan.
    IpTimeZoneOffsetMinutes = 84,
    /// `card.country`, text: country of the card's issuer, ISO 3166 alpha-2.
    CardCountry = 85,
    /// `bill_to.country`, text: country of the billing address, ISO 3166 alpha-2.
    BillToCountry = 86,
    /// `device.type`, text: class of device.
    DeviceType = 87,
    /// `browser.name`, text: browser without its version.
    BrowserName = 88,
    /// `browser.version`, text: version of the browser, numbers with dots.
    BrowserVersion = 89,
    /// `browser.platform`, text: operating system that the client hints name.
    BrowserPlatform = 90,
    /// `browser.mobile`, boolean: the client hints call the device mobile.
    BrowserMobile = 91,
    /// `browser.pixel_ratio`, number: device pixels for each pixel of a page.
    BrowserPixelRatio = 92,
    /// `browser.time_zone`, text: time zone of the browser, IANA name.
    BrowserTimeZone = 93,
    /// `browser.canvas`, text: digest of what the browser's canvas draws.
    BrowserCanvas = 94,
    /// `browser.webgl`, text: digest of what the browser's WebGL draws.
    BrowserWebgl = 95,
    /// `browser.gpu`, text: renderer that WebGL names.
    BrowserGpu = 96,
    /// `browser.fonts`, text: digest of the fonts that are installed.
    BrowserFonts = 97,
    /// `browser.hardware_concurrency`, integer: logical processors that the browser names.
    BrowserHardwareConcurrency = 98,
    /// `browser.device_memory`, number: memory that the browser names, in GiB.
    BrowserDeviceMemory = 99,
    /// `browser.touch_points`, integer: touches at once that the browser supports.
    BrowserTouchPoints = 100,
    /// `auth.expiry_result`, text: whether the card's date of expiry agrees.
    AuthExpiryResult = 101,
    /// `session.started_at`, time: when the session was opened.
    SessionStartedAt = 102,
    /// `session.scope`, text: what the session or token may do.
    SessionScope = 103,
    /// `session.behaviour_score`, number: how like the customer's own the typing and swiping is, as the host computes it; 1 is alike.
    SessionBehaviourScore = 104,
    /// `account.holder_name`, entity: name of the account's holder as the host knows it, to compare with `holder_name`.
    AccountHolderName = 105,
}
