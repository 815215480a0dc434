/*
 * Sekisho: embeddable risk scoring for payments and logins.
 *
 * Handles. sekisho_policy, sekisho_engine, sekisho_engine_options, sekisho_event, sekisho_decision,
 * sekisho_error, sekisho_members, sekisho_swap_report, sekisho_challenger_report, sekisho_recovered,
 * sekisho_statistics, sekisho_tenants and sekisho_tenant_statistics are opaque. What a function hands out
 * through a place for a handle belongs to the caller, who frees it once with the _free function of its type;
 * _free(NULL) does nothing. A handle that is passed in stays the caller's, and one that a function returns is
 * only lent.
 *
 * Threads. Any number of threads may use a handle at once through functions that take it as const. A function
 * that takes it without const needs it for itself, and so does _free.
 *
 * Statuses. Every function that can fail returns a sekisho_status, 0 when it did what it says. Outputs come
 * last and are written only then, but for the length that comes with SEKISHO_STATUS_BUFFER_TOO_SMALL. A
 * refused call changes nothing. Passing NULL where something has to be is SEKISHO_STATUS_NULL_HANDLE, never a
 * crash; two places for results of one call must not overlap. No function lets an exception or panic out.
 *
 * Messages. Functions that load, compile or administer take a sekisho_error ** last: unless it is NULL, a
 * failure writes an error object there, to be freed with sekisho_error_free; success leaves it alone.
 * Functions that take an event to change it, and those that score it, leave their message in the event:
 * sekisho_event_error. Messages name the field and what was found, never the value of an identifier. Success
 * allocates no message.
 *
 * Text goes in as a pointer and a length in bytes, UTF-8; it need not end in NUL, is copied where it is kept,
 * and may be NULL when the length is 0. Text comes out the same way, without a NUL at its end, and is
 * borrowed: each function says how long it lives. Only sekisho_version, sekisho_status_name and
 * sekisho_action_name return C strings.
 *
 * Callbacks are handed the context that was given beside them, NULL if the caller likes. They return in the
 * ordinary way: a longjmp or an exception out of one is undefined behaviour.
 *
 * Enumerations go in as plain integers; another number is a status. Times are milliseconds since
 * 1970-01-01T00:00:00Z.
 */


#ifndef SEKISHO_H
#define SEKISHO_H

/* Generated from the sources of sekisho-ffi. Do not edit: a test compares it. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * How a call ended. Numbers are never reused.
 */
enum sekisho_status
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * It did what it says.
     */
    SEKISHO_STATUS_OK = 0,
    /**
     * The policy document has faults; the error object lists every one of them with its place.
     */
    SEKISHO_STATUS_POLICY = 1,
    /**
     * The name or number is no event field, list or feature that the policy knows.
     */
    SEKISHO_STATUS_UNKNOWN_NAME = 2,
    /**
     * The value has another type than the field or feature.
     */
    SEKISHO_STATUS_WRONG_TYPE = 3,
    /**
     * A value that must be there is absent.
     */
    SEKISHO_STATUS_ABSENT = 4,
    /**
     * An identifier or text is empty.
     */
    SEKISHO_STATUS_EMPTY = 5,
    /**
     * An identifier or text is longer than its limit.
     */
    SEKISHO_STATUS_TOO_LONG = 6,
    /**
     * The value is outside what is allowed.
     */
    SEKISHO_STATUS_OUT_OF_RANGE = 7,
    /**
     * The number is NaN or infinite.
     */
    SEKISHO_STATUS_NOT_FINITE = 8,
    /**
     * An integer is beyond 2^53, or an exact sum left the range of 64 bits.
     */
    SEKISHO_STATUS_OVERFLOW = 9,
    /**
     * The currency is not an ISO 4217 code.
     */
    SEKISHO_STATUS_UNKNOWN_CURRENCY = 10,
    /**
     * A text attribute holds what looks like a raw card number.
     */
    SEKISHO_STATUS_CARD_NUMBER = 11,
    /**
     * The time is before 1970, or further ahead than a day of the latest event seen.
     */
    SEKISHO_STATUS_TIME = 12,
    /**
     * The event was made for a policy with other attributes.
     */
    SEKISHO_STATUS_SCHEMA = 13,
    /**
     * A value is missing: one that a rule with on_missing = "fail" read, or the feature that was asked for.
     */
    SEKISHO_STATUS_MISSING = 14,
    /**
     * A decision record does not fit the policy, or is damaged.
     */
    SEKISHO_STATUS_RECORD = 15,
    /**
     * The text is not valid UTF-8.
     */
    SEKISHO_STATUS_UTF8 = 16,
    /**
     * The key is unusable.
     */
    SEKISHO_STATUS_KEY = 17,
    /**
     * A snapshot or journal is damaged, or belongs to another key, version or policy.
     */
    SEKISHO_STATUS_DAMAGED = 18,
    /**
     * What the host gave to write to or to read from failed.
     */
    SEKISHO_STATUS_HOST = 19,
    /**
     * Something has this name already.
     */
    SEKISHO_STATUS_TAKEN = 20,
    /**
     * A fault of a kind that this header does not know.
     */
    SEKISHO_STATUS_OTHER = 100,
    /**
     * A handle, or a pointer that has to be there, is NULL.
     */
    SEKISHO_STATUS_NULL_HANDLE = 101,
    /**
     * The library caught a fault of its own. Nothing was handed out; please report it.
     */
    SEKISHO_STATUS_PANIC = 102,
    /**
     * The buffer is too small; the length that it must have was written.
     */
    SEKISHO_STATUS_BUFFER_TOO_SMALL = 103,
    /**
     * There is nothing at this index, or the decision was not filled.
     */
    SEKISHO_STATUS_NOT_FOUND = 104,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum sekisho_status sekisho_status;
#else
typedef int32_t sekisho_status;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * What kind of value an event field takes.
 */
enum sekisho_field_kind
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * The event's own identifier, as text or integer: hashed; an event is recorded once under it.
     */
    SEKISHO_FIELD_KIND_IDENTIFIER = 1,
    /**
     * An identifier of somebody or something that history is kept about, as text or integer: hashed.
     */
    SEKISHO_FIELD_KIND_ENTITY = 2,
    /**
     * Text of at most 4,096 bytes.
     */
    SEKISHO_FIELD_KIND_TEXT = 3,
    /**
     * An integer within 2^53 of zero.
     */
    SEKISHO_FIELD_KIND_INTEGER = 4,
    /**
     * A finite double.
     */
    SEKISHO_FIELD_KIND_NUMBER = 5,
    /**
     * True or false.
     */
    SEKISHO_FIELD_KIND_BOOLEAN = 6,
    /**
     * Milliseconds since 1970-01-01T00:00:00Z.
     */
    SEKISHO_FIELD_KIND_TIME = 7,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum sekisho_field_kind sekisho_field_kind;
#else
typedef int32_t sekisho_field_kind;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * The type of a feature's values.
 */
enum sekisho_feature_type
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * True or false.
     */
    SEKISHO_FEATURE_TYPE_BOOLEAN = 1,
    /**
     * A 64-bit integer.
     */
    SEKISHO_FEATURE_TYPE_INTEGER = 2,
    /**
     * A double.
     */
    SEKISHO_FEATURE_TYPE_NUMBER = 3,
    /**
     * Milliseconds.
     */
    SEKISHO_FEATURE_TYPE_DURATION = 4,
    /**
     * Milliseconds since 1970-01-01T00:00:00Z.
     */
    SEKISHO_FEATURE_TYPE_TIME = 5,
    /**
     * Text.
     */
    SEKISHO_FEATURE_TYPE_TEXT = 6,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum sekisho_feature_type sekisho_feature_type;
#else
typedef int32_t sekisho_feature_type;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * What to do with the event, in rising order.
 */
enum sekisho_action
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * Nothing was decided: the decision is NULL, new, or the last call that should have filled it failed.
     */
    SEKISHO_ACTION_NONE = -1,
    /**
     * Let it pass.
     */
    SEKISHO_ACTION_ALLOW = 0,
    /**
     * Ask for stronger authentication first.
     */
    SEKISHO_ACTION_CHALLENGE = 1,
    /**
     * Hold it for a person.
     */
    SEKISHO_ACTION_REVIEW = 2,
    /**
     * Refuse it.
     */
    SEKISHO_ACTION_DENY = 3,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum sekisho_action sekisho_action;
#else
typedef int32_t sekisho_action;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * How much of a feature's value is there.
 */
enum sekisho_presence
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * The decision keeps no features, or none at this index.
     */
    SEKISHO_PRESENCE_NONE = -1,
    /**
     * There was nothing to compute it from.
     */
    SEKISHO_PRESENCE_MISSING = 0,
    /**
     * Computed from everything that it covers.
     */
    SEKISHO_PRESENCE_EXACT = 1,
    /**
     * Computed, but part of what it covers has been forgotten.
     */
    SEKISHO_PRESENCE_APPROXIMATE = 2,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum sekisho_presence sekisho_presence;
#else
typedef int32_t sekisho_presence;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * What two names say of each other.
 */
enum sekisho_name_match
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * They are different names.
     */
    SEKISHO_NAME_MATCH_MISMATCH = 0,
    /**
     * They are one name.
     */
    SEKISHO_NAME_MATCH_MATCH = 1,
    /**
     * One is empty, or they are in scripts that do not follow from each other.
     */
    SEKISHO_NAME_MATCH_NOT_COMPARABLE = 2,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum sekisho_name_match sekisho_name_match;
#else
typedef int32_t sekisho_name_match;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * A level of an address.
 */
enum sekisho_address_level
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * No level.
     */
    SEKISHO_ADDRESS_LEVEL_NONE = 0,
    /**
     * The prefecture.
     */
    SEKISHO_ADDRESS_LEVEL_PREFECTURE = 1,
    /**
     * The city with its ward, without its county.
     */
    SEKISHO_ADDRESS_LEVEL_CITY = 2,
    /**
     * The town.
     */
    SEKISHO_ADDRESS_LEVEL_TOWN = 3,
    /**
     * The numbers on the street.
     */
    SEKISHO_ADDRESS_LEVEL_NUMBER = 4,
    /**
     * The building.
     */
    SEKISHO_ADDRESS_LEVEL_BUILDING = 5,
    /**
     * Wing, floor and room.
     */
    SEKISHO_ADDRESS_LEVEL_ROOM = 6,
    /**
     * The postcode: no level, but read like one.
     */
    SEKISHO_ADDRESS_LEVEL_POSTCODE = 7,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum sekisho_address_level sekisho_address_level;
#else
typedef int32_t sekisho_address_level;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * What follows the deepest level on which two addresses agree.
 */
enum sekisho_address_rest
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * Nothing: they are spellings of one address.
     */
    SEKISHO_ADDRESS_REST_SAME = 0,
    /**
     * One of them says no more.
     */
    SEKISHO_ADDRESS_REST_ABSENT = 1,
    /**
     * They contradict each other.
     */
    SEKISHO_ADDRESS_REST_DIFFERENT = 2,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum sekisho_address_rest sekisho_address_rest;
#else
typedef int32_t sekisho_address_rest;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * What kind of line a phone number belongs to.
 */
enum sekisho_phone_class
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * A mobile phone.
     */
    SEKISHO_PHONE_CLASS_MOBILE = 1,
    /**
     * A line over the internet, bound to no place.
     */
    SEKISHO_PHONE_CLASS_VOIP = 2,
    /**
     * The one who is called pays.
     */
    SEKISHO_PHONE_CLASS_FREE = 3,
    /**
     * A line at a place.
     */
    SEKISHO_PHONE_CLASS_FIXED = 4,
    /**
     * A machine or a pager.
     */
    SEKISHO_PHONE_CLASS_MACHINE = 5,
    /**
     * A service with a tariff of its own.
     */
    SEKISHO_PHONE_CLASS_SERVICE = 6,
    /**
     * Of another country.
     */
    SEKISHO_PHONE_CLASS_FOREIGN = 7,
    /**
     * Of a class that this header does not know.
     */
    SEKISHO_PHONE_CLASS_OTHER = 100,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum sekisho_phone_class sekisho_phone_class;
#else
typedef int32_t sekisho_phone_class;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * What has to be done beside the action: one bit each.
 */
enum sekisho_obligation
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * Tell the customer.
     */
    SEKISHO_OBLIGATION_NOTIFY = 1,
    /**
     * Hold the money.
     */
    SEKISHO_OBLIGATION_HOLD = 2,
    /**
     * Lock the account.
     */
    SEKISHO_OBLIGATION_LOCK = 4,
    /**
     * Hold the customer to a limit: a lower one, or what remains of the one that was hit.
     */
    SEKISHO_OBLIGATION_LIMIT = 8,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum sekisho_obligation sekisho_obligation;
#else
typedef uint32_t sekisho_obligation;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * How an event ended.
 */
enum sekisho_outcome
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * Not known yet.
     */
    SEKISHO_OUTCOME_PENDING = 1,
    /**
     * Authorized.
     */
    SEKISHO_OUTCOME_APPROVED = 2,
    /**
     * Refused.
     */
    SEKISHO_OUTCOME_DECLINED = 3,
    /**
     * The attempt went through.
     */
    SEKISHO_OUTCOME_SUCCEEDED = 4,
    /**
     * The attempt did not.
     */
    SEKISHO_OUTCOME_FAILED = 5,
    /**
     * Stronger authentication was asked for.
     */
    SEKISHO_OUTCOME_CHALLENGED = 6,
    /**
     * The customer gave up.
     */
    SEKISHO_OUTCOME_ABANDONED = 7,
    /**
     * Undone later.
     */
    SEKISHO_OUTCOME_REVERSED = 8,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum sekisho_outcome sekisho_outcome;
#else
typedef int32_t sekisho_outcome;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * What was learnt about an event later.
 */
enum sekisho_label
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * It was fraud.
     */
    SEKISHO_LABEL_FRAUD = 1,
    /**
     * It was the customer.
     */
    SEKISHO_LABEL_GENUINE = 2,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum sekisho_label sekisho_label;
#else
typedef int32_t sekisho_label;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * The built-in event fields. The numbers are never reused; fields that a policy declares follow from 1000,
 * see sekisho_policy_field.
 */
enum sekisho_field
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint16_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * `id`, identifier: identifier of the event; recorded once under it.
     */
    SEKISHO_FIELD_ID = 1,
    /**
     * `type`, text: what happened.
     */
    SEKISHO_FIELD_TYPE = 2,
    /**
     * `time`, time: when it happened.
     */
    SEKISHO_FIELD_TIME = 3,
    /**
     * `channel`, text: the way in: app, web, branch, terminal, api.
     */
    SEKISHO_FIELD_CHANNEL = 4,
    /**
     * `outcome`, text: how it ended, as far as known.
     */
    SEKISHO_FIELD_OUTCOME = 5,
    /**
     * `response_code`, text: response code, unaltered.
     */
    SEKISHO_FIELD_RESPONSE_CODE = 6,
    /**
     * `amount_minor`, integer: amount in minor units of `currency`.
     */
    SEKISHO_FIELD_AMOUNT_MINOR = 7,
    /**
     * `amount_base_minor`, integer: amount in minor units of the policy's currency, for events in another
     * one.
     */
    SEKISHO_FIELD_AMOUNT_BASE_MINOR = 8,
    /**
     * `currency`, text: ISO 4217 code; the policy's currency when absent.
     */
    SEKISHO_FIELD_CURRENCY = 9,
    /**
     * `account`, entity: the customer's account at the host.
     */
    SEKISHO_FIELD_ACCOUNT = 10,
    /**
     * `session`, entity: session or access token.
     */
    SEKISHO_FIELD_SESSION = 11,
    /**
     * `ip`, entity: source address, v4 or v6.
     */
    SEKISHO_FIELD_IP = 12,
    /**
     * `asn`, entity: autonomous system of the address, by number.
     */
    SEKISHO_FIELD_ASN = 13,
    /**
     * `country`, text: country of the address or terminal, ISO 3166 alpha-2.
     */
    SEKISHO_FIELD_COUNTRY = 14,
    /**
     * `device`, entity: device identifier of the host or its SDK.
     */
    SEKISHO_FIELD_DEVICE = 15,
    /**
     * `card`, entity: card number, or the host's token for it.
     */
    SEKISHO_FIELD_CARD = 16,
    /**
     * `bin`, entity: issuer identification number; the card number's first 8 digits when absent.
     */
    SEKISHO_FIELD_BIN = 17,
    /**
     * `bank_account`, entity: bank account that is linked, charged or paid.
     */
    SEKISHO_FIELD_BANK_ACCOUNT = 18,
    /**
     * `holder_name`, entity: name of the card's or account's holder.
     */
    SEKISHO_FIELD_HOLDER_NAME = 19,
    /**
     * `payee`, entity: who receives the money.
     */
    SEKISHO_FIELD_PAYEE = 20,
    /**
     * `merchant`, entity: merchant.
     */
    SEKISHO_FIELD_MERCHANT = 21,
    /**
     * `terminal`, entity: terminal.
     */
    SEKISHO_FIELD_TERMINAL = 22,
    /**
     * `mcc`, text: merchant category code, four digits.
     */
    SEKISHO_FIELD_MCC = 23,
    /**
     * `pos_entry_mode`, text: entry mode, unaltered.
     */
    SEKISHO_FIELD_POS_ENTRY_MODE = 24,
    /**
     * `email`, entity: e-mail address.
     */
    SEKISHO_FIELD_EMAIL = 25,
    /**
     * `phone`, entity: phone number.
     */
    SEKISHO_FIELD_PHONE = 26,
    /**
     * `billing_address`, entity: billing address.
     */
    SEKISHO_FIELD_BILLING_ADDRESS = 27,
    /**
     * `shipping_address`, entity: shipping address.
     */
    SEKISHO_FIELD_SHIPPING_ADDRESS = 28,
    /**
     * `latitude`, number: latitude in degrees.
     */
    SEKISHO_FIELD_LATITUDE = 29,
    /**
     * `longitude`, number: longitude in degrees.
     */
    SEKISHO_FIELD_LONGITUDE = 30,
    /**
     * `radius_km`, number: radius of uncertainty of the position in km.
     */
    SEKISHO_FIELD_RADIUS_KM = 31,
    /**
     * `label`, text: what was learnt later: fraud or genuine; only `where` reads it.
     */
    SEKISHO_FIELD_LABEL = 32,
    /**
     * `labelled_at`, time: when the label became known.
     */
    SEKISHO_FIELD_LABELLED_AT = 33,
    /**
     * `device.platform`, text: operating system.
     */
    SEKISHO_FIELD_DEVICE_PLATFORM = 34,
    /**
     * `device.model`, text: model.
     */
    SEKISHO_FIELD_DEVICE_MODEL = 35,
    /**
     * `device.os_version`, text: version of the operating system.
     */
    SEKISHO_FIELD_DEVICE_OS_VERSION = 36,
    /**
     * `device.app_version`, text: version of the host's app.
     */
    SEKISHO_FIELD_DEVICE_APP_VERSION = 37,
    /**
     * `device.integrity`, text: verdict of the platform's attestation.
     */
    SEKISHO_FIELD_DEVICE_INTEGRITY = 38,
    /**
     * `device.rooted`, boolean: the device is rooted or jailbroken.
     */
    SEKISHO_FIELD_DEVICE_ROOTED = 39,
    /**
     * `device.emulator`, boolean: the device is an emulator.
     */
    SEKISHO_FIELD_DEVICE_EMULATOR = 40,
    /**
     * `device.screen_width`, integer: screen width in pixels.
     */
    SEKISHO_FIELD_DEVICE_SCREEN_WIDTH = 41,
    /**
     * `device.screen_height`, integer: screen height in pixels.
     */
    SEKISHO_FIELD_DEVICE_SCREEN_HEIGHT = 42,
    /**
     * `device.time_zone`, text: time zone of the device.
     */
    SEKISHO_FIELD_DEVICE_TIME_ZONE = 43,
    /**
     * `device.language`, text: language of the device.
     */
    SEKISHO_FIELD_DEVICE_LANGUAGE = 44,
    /**
     * `browser.user_agent`, text: user agent.
     */
    SEKISHO_FIELD_BROWSER_USER_AGENT = 45,
    /**
     * `browser.language`, text: language of the browser.
     */
    SEKISHO_FIELD_BROWSER_LANGUAGE = 46,
    /**
     * `browser.accept_header`, text: accept header.
     */
    SEKISHO_FIELD_BROWSER_ACCEPT_HEADER = 47,
    /**
     * `browser.time_zone_offset_minutes`, integer: minutes from local time to UTC, -540 in Japan.
     */
    SEKISHO_FIELD_BROWSER_TIME_ZONE_OFFSET_MINUTES = 48,
    /**
     * `browser.color_depth`, integer: bits a pixel.
     */
    SEKISHO_FIELD_BROWSER_COLOR_DEPTH = 49,
    /**
     * `browser.screen_height`, integer: screen height in pixels.
     */
    SEKISHO_FIELD_BROWSER_SCREEN_HEIGHT = 50,
    /**
     * `browser.screen_width`, integer: screen width in pixels.
     */
    SEKISHO_FIELD_BROWSER_SCREEN_WIDTH = 51,
    /**
     * `browser.java_enabled`, boolean: java is enabled.
     */
    SEKISHO_FIELD_BROWSER_JAVA_ENABLED = 52,
    /**
     * `browser.javascript_enabled`, boolean: javascript is enabled.
     */
    SEKISHO_FIELD_BROWSER_JAVASCRIPT_ENABLED = 53,
    /**
     * `auth.method`, text: how the customer authenticated: password, otp, biometric, ....
     */
    SEKISHO_FIELD_AUTH_METHOD = 54,
    /**
     * `auth.result`, text: how the authentication ended.
     */
    SEKISHO_FIELD_AUTH_RESULT = 55,
    /**
     * `auth.strength`, integer: authenticator assurance level reached, 0 for none.
     */
    SEKISHO_FIELD_AUTH_STRENGTH = 56,
    /**
     * `auth.trans_status`, text: 3-DS status, unaltered.
     */
    SEKISHO_FIELD_AUTH_TRANS_STATUS = 57,
    /**
     * `auth.trans_status_reason`, text: 3-DS status reason, unaltered.
     */
    SEKISHO_FIELD_AUTH_TRANS_STATUS_REASON = 58,
    /**
     * `auth.eci`, text: electronic commerce indicator, unaltered.
     */
    SEKISHO_FIELD_AUTH_ECI = 59,
    /**
     * `auth.cvv_result`, text: result code of the security code check, never the code.
     */
    SEKISHO_FIELD_AUTH_CVV_RESULT = 60,
    /**
     * `auth.avs_result`, text: result code of the address check.
     */
    SEKISHO_FIELD_AUTH_AVS_RESULT = 61,
    /**
     * `auth.holder_match`, text: whether the holder's data agree with the other side's.
     */
    SEKISHO_FIELD_AUTH_HOLDER_MATCH = 62,
    /**
     * `account.created_at`, time: when the account was opened.
     */
    SEKISHO_FIELD_ACCOUNT_CREATED_AT = 63,
    /**
     * `account.email_changed_at`, time: last change of the e-mail address.
     */
    SEKISHO_FIELD_ACCOUNT_EMAIL_CHANGED_AT = 64,
    /**
     * `account.phone_changed_at`, time: last change of the phone number.
     */
    SEKISHO_FIELD_ACCOUNT_PHONE_CHANGED_AT = 65,
    /**
     * `account.password_changed_at`, time: last change of the password.
     */
    SEKISHO_FIELD_ACCOUNT_PASSWORD_CHANGED_AT = 66,
    /**
     * `account.address_changed_at`, time: last change of the postal address.
     */
    SEKISHO_FIELD_ACCOUNT_ADDRESS_CHANGED_AT = 67,
    /**
     * `account.changed`, text: what this profile change alters.
     */
    SEKISHO_FIELD_ACCOUNT_CHANGED = 68,
    /**
     * `account.status`, text: status at the host.
     */
    SEKISHO_FIELD_ACCOUNT_STATUS = 69,
    /**
     * `account.kyc_evidence`, text: class of evidence of the identity check.
     */
    SEKISHO_FIELD_ACCOUNT_KYC_EVIDENCE = 70,
    /**
     * `payee.created_at`, time: when the payee was registered.
     */
    SEKISHO_FIELD_PAYEE_CREATED_AT = 71,
    /**
     * `payee.country`, text: country of the payee, ISO 3166 alpha-2.
     */
    SEKISHO_FIELD_PAYEE_COUNTRY = 72,
    /**
     * `payee.name_match`, text: whether the payee's name agrees with its account.
     */
    SEKISHO_FIELD_PAYEE_NAME_MATCH = 73,
    /**
     * `ship_to.country`, text: country that is shipped to, ISO 3166 alpha-2.
     */
    SEKISHO_FIELD_SHIP_TO_COUNTRY = 74,
    /**
     * `ship_to.indicator`, text: shipping indicator, unaltered.
     */
    SEKISHO_FIELD_SHIP_TO_INDICATOR = 75,
    /**
     * `ship_to.delivery_timeframe`, text: delivery time frame, unaltered.
     */
    SEKISHO_FIELD_SHIP_TO_DELIVERY_TIMEFRAME = 76,
    /**
     * `ship_to.name_match`, boolean: the recipient is the account's holder.
     */
    SEKISHO_FIELD_SHIP_TO_NAME_MATCH = 77,
    /**
     * `ship_to.first_used_at`, time: first use of the shipping address.
     */
    SEKISHO_FIELD_SHIP_TO_FIRST_USED_AT = 78,
    /**
     * `code`, entity: one-time code, QR code or token that is issued and presented.
     */
    SEKISHO_FIELD_CODE = 79,
    /**
     * `credential`, entity: digest of the password or secret that was tried.
     */
    SEKISHO_FIELD_CREDENTIAL = 80,
    /**
     * `tls_fingerprint`, entity: fingerprint of the TLS client, as the host computes it.
     */
    SEKISHO_FIELD_TLS_FINGERPRINT = 81,
    /**
     * `client_certificate`, entity: fingerprint of the client's certificate.
     */
    SEKISHO_FIELD_CLIENT_CERTIFICATE = 82,
    /**
     * `ip.class`, text: class of the address, where the host knows it.
     */
    SEKISHO_FIELD_IP_CLASS = 83,
    /**
     * `ip.time_zone_offset_minutes`, integer: minutes from UTC to local time where the address is, 540 in Japan.
     */
    SEKISHO_FIELD_IP_TIME_ZONE_OFFSET_MINUTES = 84,
    /**
     * `card.country`, text: country of the card's issuer, ISO 3166 alpha-2.
     */
    SEKISHO_FIELD_CARD_COUNTRY = 85,
    /**
     * `bill_to.country`, text: country of the billing address, ISO 3166 alpha-2.
     */
    SEKISHO_FIELD_BILL_TO_COUNTRY = 86,
    /**
     * `device.type`, text: class of device.
     */
    SEKISHO_FIELD_DEVICE_TYPE = 87,
    /**
     * `browser.name`, text: browser without its version.
     */
    SEKISHO_FIELD_BROWSER_NAME = 88,
    /**
     * `browser.version`, text: version of the browser, numbers with dots.
     */
    SEKISHO_FIELD_BROWSER_VERSION = 89,
    /**
     * `browser.platform`, text: operating system that the client hints name.
     */
    SEKISHO_FIELD_BROWSER_PLATFORM = 90,
    /**
     * `browser.mobile`, boolean: the client hints call the device mobile.
     */
    SEKISHO_FIELD_BROWSER_MOBILE = 91,
    /**
     * `browser.pixel_ratio`, number: device pixels for each pixel of a page.
     */
    SEKISHO_FIELD_BROWSER_PIXEL_RATIO = 92,
    /**
     * `browser.time_zone`, text: time zone of the browser, IANA name.
     */
    SEKISHO_FIELD_BROWSER_TIME_ZONE = 93,
    /**
     * `browser.canvas`, text: digest of what the browser's canvas draws.
     */
    SEKISHO_FIELD_BROWSER_CANVAS = 94,
    /**
     * `browser.webgl`, text: digest of what the browser's WebGL draws.
     */
    SEKISHO_FIELD_BROWSER_WEBGL = 95,
    /**
     * `browser.gpu`, text: renderer that WebGL names.
     */
    SEKISHO_FIELD_BROWSER_GPU = 96,
    /**
     * `browser.fonts`, text: digest of the fonts that are installed.
     */
    SEKISHO_FIELD_BROWSER_FONTS = 97,
    /**
     * `browser.hardware_concurrency`, integer: logical processors that the browser names.
     */
    SEKISHO_FIELD_BROWSER_HARDWARE_CONCURRENCY = 98,
    /**
     * `browser.device_memory`, number: memory that the browser names, in GiB.
     */
    SEKISHO_FIELD_BROWSER_DEVICE_MEMORY = 99,
    /**
     * `browser.touch_points`, integer: touches at once that the browser supports.
     */
    SEKISHO_FIELD_BROWSER_TOUCH_POINTS = 100,
    /**
     * `auth.expiry_result`, text: whether the card's date of expiry agrees.
     */
    SEKISHO_FIELD_AUTH_EXPIRY_RESULT = 101,
    /**
     * `session.started_at`, time: when the session was opened.
     */
    SEKISHO_FIELD_SESSION_STARTED_AT = 102,
    /**
     * `session.scope`, text: what the session or token may do.
     */
    SEKISHO_FIELD_SESSION_SCOPE = 103,
    /**
     * `session.behaviour_score`, number: how like the customer's own the typing and swiping is, as the host computes it; 1 is alike.
     */
    SEKISHO_FIELD_SESSION_BEHAVIOUR_SCORE = 104,
    /**
     * `account.holder_name`, entity: name of the account's holder as the host knows it, to compare with `holder_name`.
     */
    SEKISHO_FIELD_ACCOUNT_HOLDER_NAME = 105,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum sekisho_field sekisho_field;
#else
typedef uint16_t sekisho_field;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * What a policy on trial shares with the one in force.
 *
 * Owned by the caller, freed with sekisho_challenger_report_free. It never changes: any number of threads may read
 * it.
 */
typedef struct sekisho_challenger_report sekisho_challenger_report;

/**
 * What the engine decided on one event.
 *
 * Owned by the caller, freed with sekisho_decision_free. Filled by one thread at a time; between two
 * fillings any number of threads may read it. Fill it again and again: it allocates nothing then.
 */
typedef struct sekisho_decision sekisho_decision;

/**
 * Scores events against a policy and what it remembers.
 *
 * Owned by the caller, freed with sekisho_engine_free. All threads may share one engine: calls
 * on different entities do not wait for one another. Only freeing it has to wait until no other call on the handle
 * is under way.
 */
typedef struct sekisho_engine sekisho_engine;

/**
 * What a host says of an engine before it starts: bounds, and where its journal goes.
 *
 * Owned by the caller, freed with sekisho_engine_options_free. May be used for any number of engines.
 */
typedef struct sekisho_engine_options sekisho_engine_options;

/**
 * Why a call failed, in words; for a policy, every fault with its place.
 *
 * Made by the calls that take a `sekisho_error **`, owned by the caller, freed with sekisho_error_free. It
 * never changes: any number of threads may read it.
 */
typedef struct sekisho_error sekisho_error;

/**
 * One thing that happened or is being authorized.
 *
 * Owned by the caller, freed with sekisho_event_free, which wipes its identifiers. For one thread at a time.
 * Clear it and use it again: after a few rounds setting its fields allocates nothing.
 *
 * Every call that takes an event and may change it leaves a message in it when it fails: see
 * sekisho_event_error.
 */
typedef struct sekisho_event sekisho_event;

/**
 * Members that are gathered for a list, while the engine goes on scoring.
 *
 * Owned by the caller, freed with sekisho_members_free. One thread may use it at a time.
 */
typedef struct sekisho_members sekisho_members;

/**
 * A compiled policy.
 *
 * Owned by the caller, freed with sekisho_policy_free; engines and events that were made from it keep what
 * they need, so it may go first. It never changes: any number of threads may use it.
 */
typedef struct sekisho_policy sekisho_policy;

/**
 * What a journal brought back.
 *
 * Owned by the caller, freed with sekisho_recovered_free. It never changes: any number of threads may read
 * it.
 */
typedef struct sekisho_recovered sekisho_recovered;

/**
 * How much an engine remembered when it was asked, table by table in the order of the policy.
 *
 * Owned by the caller, freed with sekisho_statistics_free. It never changes: any number of threads may read
 * it.
 */
typedef struct sekisho_statistics sekisho_statistics;

/**
 * What a change of the policy left without history, or without all of it, and whether it ended a trial.
 *
 * Owned by the caller, freed with sekisho_swap_report_free. It never changes: any number of threads may read
 * it.
 */
typedef struct sekisho_swap_report sekisho_swap_report;

/**
 * How much each tenant remembered when it was asked, in the order of names.
 *
 * Owned by the caller, freed with sekisho_tenant_statistics_free. It never changes: any number of threads may read
 * it.
 */
typedef struct sekisho_tenant_statistics sekisho_tenant_statistics;

/**
 * Engines by name, one for each tenant, within one budget of memory. Nothing else is shared: the same identifier in
 * two tenants is two strangers, and a flood in one evicts nobody in another. Give each a key of its own, so that no
 * snapshot or journal of one can be opened as another's.
 *
 * Owned by the caller, freed with sekisho_tenants_free; engines that were got from it go on working. Any number of
 * threads may use one.
 */
typedef struct sekisho_tenants sekisho_tenants;

/**
 * Takes a frame of the journal.
 *
 * `context` is what was given beside the function; `frame` may be read until it returns. It is called on the
 * thread of the call that causes the frame, one frame at a time and in order, while the entities are held: it
 * appends to a buffer and comes back, calls nothing of the engine, and returns in the ordinary way: no
 * longjmp, no exception out of it.
 */
typedef void (*sekisho_journal)(void *context, const uint8_t *frame, size_t length);

/**
 * Takes bytes, all of them, and returns 0; anything else says that it failed, and it is not called again.
 *
 * `context` is what was given beside the function; `bytes` may be read until it returns. It returns in the
 * ordinary way: no longjmp, no exception out of it.
 */
typedef int (*sekisho_write)(void *context, const uint8_t *bytes, size_t length);

/**
 * What a snapshot holds. Later versions may add to its end.
 */
typedef struct {
    /**
     * The size of this structure as the caller knows it, `sizeof(sekisho_snapshot_report)`.
     */
    size_t size;
    /**
     * Histories, of all tables.
     */
    uint64_t entities;
    /**
     * Bytes that were written.
     */
    uint64_t bytes;
    /**
     * The first journal frame that is not wholly contained: frames before it are needed no more.
     */
    uint64_t next_frame;
} sekisho_snapshot_report;

/**
 * Puts at most `length` bytes at `bytes` and returns how many; 0 when there are no more, a negative number
 * when it failed.
 *
 * `context` is what was given beside the function. It returns in the ordinary way: no longjmp, no exception
 * out of it.
 */
typedef ptrdiff_t (*sekisho_read)(void *context, uint8_t *bytes, size_t length);

/**
 * How much a table remembers. Later versions may add to its end.
 */
typedef struct {
    /**
     * The size of this structure as the caller knows it, `sizeof(sekisho_table_statistics)`.
     */
    size_t size;
    /**
     * Entities with a history.
     */
    uint64_t entities;
    /**
     * Events in all histories.
     */
    uint64_t events;
    /**
     * Bytes of memory in use.
     */
    uint64_t bytes;
    /**
     * Bytes of memory that the table may use.
     */
    uint64_t budget;
    /**
     * Entities that were evicted because the memory was used up.
     */
    uint64_t evicted;
    /**
     * Entities that were dropped because all that they had done was older than any feature looks.
     */
    uint64_t expired;
    /**
     * Entities that had more events than a history holds exactly: what reaches further back is approximate.
     */
    uint64_t approximate;
    /**
     * Entities that are known under the previous key only, while it is replaced; see sekisho_engine_rotate.
     */
    uint64_t unrotated;
} sekisho_table_statistics;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/**
 * The library's version, such as "0.1.0". NUL-terminated and static.
 */
const char *sekisho_version(void);

/**
 * The name of a status, such as "wrong_type", for logs. NUL-terminated and static; "unknown" for other
 * numbers.
 */
const char *sekisho_status_name(int32_t status);

/**
 * The name of an action, as policies write it: "allow", "challenge", "review" or "deny". NUL-terminated and
 * static; "none" for SEKISHO_ACTION_NONE and other numbers.
 */
const char *sekisho_action_name(int32_t action);

/**
 * Frees an error. NULL is fine.
 */
void sekisho_error_free(sekisho_error *error);

/**
 * The status that came with the error; SEKISHO_STATUS_NULL_HANDLE for NULL.
 */
sekisho_status sekisho_error_status(const sekisho_error *error);

/**
 * The message: one line, without a policy's faults. The text lives as long as the error.
 */
sekisho_status sekisho_error_message(const sekisho_error *error, const char **text, size_t *length);

/**
 * Everything, as a person wants to read it: the message, then each fault with its line of the document and a
 * caret below it. The text lives as long as the error.
 */
sekisho_status sekisho_error_text(const sekisho_error *error,
                                  const char **text,
                                  size_t *length);

/**
 * How many faults the policy has, in the order of the document; 0 for other errors and for NULL.
 */
size_t sekisho_error_fault_count(const sekisho_error *error);

/**
 * What is wrong and what to do, in one line. The text lives as long as the error.
 * SEKISHO_STATUS_NOT_FOUND from the count on.
 */
sekisho_status sekisho_error_fault_message(const sekisho_error *error,
                                           size_t index,
                                           const char **text,
                                           size_t *length);

/**
 * The file that the fault is in, by the name that was given to the parser. The text lives as long as the
 * error. SEKISHO_STATUS_NOT_FOUND from the count on.
 */
sekisho_status sekisho_error_fault_file(const sekisho_error *error,
                                        size_t index,
                                        const char **text,
                                        size_t *length);

/**
 * The place of a fault: its line, and its column in characters, both counted from 1.
 * SEKISHO_STATUS_NOT_FOUND from the count on.
 */
sekisho_status sekisho_error_fault_position(const sekisho_error *error,
                                            size_t index,
                                            size_t *line,
                                            size_t *column);

/**
 * One fault as a person wants to read it: file, place and message, the line of the document, and a caret.
 * The text lives as long as the error. SEKISHO_STATUS_NOT_FOUND from the count on.
 */
sekisho_status sekisho_error_fault_text(const sekisho_error *error,
                                        size_t index,
                                        const char **text,
                                        size_t *length);

/**
 * Compiles a policy.
 *
 * `text` is the document, TOML or JSON: JSON when it starts with a brace. `file` is its name for messages
 * and may be NULL; nothing is read from it. The policy is written to `policy` and belongs to the caller.
 *
 * When the document has faults the status is SEKISHO_STATUS_POLICY, and the error names every one of them
 * with its place. `error` may be NULL.
 */
sekisho_status sekisho_policy_parse(const char *text,
                                    size_t length,
                                    const char *file,
                                    size_t file_length,
                                    sekisho_policy **policy,
                                    sekisho_error **error);

/**
 * Frees a policy. NULL is fine.
 */
void sekisho_policy_free(sekisho_policy *policy);

/**
 * The policy's name. The text lives as long as the policy.
 */
sekisho_status sekisho_policy_name(const sekisho_policy *policy, const char **text, size_t *length);

/**
 * The policy's version, as its author wrote it. The text lives as long as the policy.
 */
sekisho_status sekisho_policy_version(const sekisho_policy *policy,
                                      const char **text,
                                      size_t *length);

/**
 * SHA-256 over what the document says, in hexadecimal: the same for TOML and JSON, blank lines and comments.
 * The text lives as long as the policy.
 */
sekisho_status sekisho_policy_fingerprint(const sekisho_policy *policy,
                                          const char **text,
                                          size_t *length);

/**
 * The ISO 4217 code of the currency that amounts count in. The text lives as long as the policy.
 */
sekisho_status sekisho_policy_currency(const sekisho_policy *policy,
                                       const char **text,
                                       size_t *length);

/**
 * The number of an event field by its name, such as "device.model" or an attribute that the policy declares.
 *
 * Built-in fields have the numbers of sekisho_field for ever. Those of declared fields begin at 1000 and
 * hold for this policy. SEKISHO_STATUS_UNKNOWN_NAME for any other name, with the nearest known name in the
 * error.
 */
sekisho_status sekisho_policy_field(const sekisho_policy *policy,
                                    const char *name,
                                    size_t length,
                                    uint16_t *field,
                                    sekisho_error **error);

/**
 * What kind of value a field takes: a number of sekisho_field_kind. SEKISHO_STATUS_UNKNOWN_NAME when no
 * field has the number.
 */
sekisho_status sekisho_policy_field_kind(const sekisho_policy *policy,
                                         uint16_t field,
                                         sekisho_field_kind *kind);

/**
 * How many features the policy has; 0 for NULL. Features are numbered from 0 in the order of the document.
 */
size_t sekisho_policy_feature_count(const sekisho_policy *policy);

/**
 * The index of a feature by its name; it holds for this policy. SEKISHO_STATUS_UNKNOWN_NAME for other names.
 */
sekisho_status sekisho_policy_feature(const sekisho_policy *policy,
                                      const char *name,
                                      size_t length,
                                      size_t *index,
                                      sekisho_error **error);

/**
 * The name of a feature. The text lives as long as the policy. SEKISHO_STATUS_NOT_FOUND from the count on.
 */
sekisho_status sekisho_policy_feature_name(const sekisho_policy *policy,
                                           size_t index,
                                           const char **text,
                                           size_t *length);

/**
 * What a feature computes, in one line: `distinct of account by ip over 10m where ...`. The text lives as
 * long as the policy. SEKISHO_STATUS_NOT_FOUND from the count on.
 */
sekisho_status sekisho_policy_feature_definition(const sekisho_policy *policy,
                                                 size_t index,
                                                 const char **text,
                                                 size_t *length);

/**
 * The type of a feature's values. SEKISHO_STATUS_NOT_FOUND from the count on.
 */
sekisho_status sekisho_policy_feature_type(const sekisho_policy *policy,
                                           size_t index,
                                           sekisho_feature_type *feature_type);

/**
 * How many rules the policy has; 0 for NULL. Rules are numbered from 0 in the order of the document.
 */
size_t sekisho_policy_rule_count(const sekisho_policy *policy);

/**
 * The id of a rule. The text lives as long as the policy. SEKISHO_STATUS_NOT_FOUND from the count on.
 */
sekisho_status sekisho_policy_rule_id(const sekisho_policy *policy,
                                      size_t index,
                                      const char **text,
                                      size_t *length);

/**
 * Makes an empty event with the fields of a policy. It is written to `event` and belongs to the caller.
 */
sekisho_status sekisho_event_new(const sekisho_policy *policy,
                                 sekisho_event **event);

/**
 * Makes the event that sekisho_decision_explain wants for a replayed decision: all that the record holds of
 * it, which is everything but its identifiers. It is written to `event` and belongs to the caller.
 *
 * SEKISHO_STATUS_RECORD when the record is damaged or does not fit the policy. `error` may be NULL.
 */
sekisho_status sekisho_event_from_record(const sekisho_policy *policy,
                                         const char *json,
                                         size_t length,
                                         sekisho_event **event,
                                         sekisho_error **error);

/**
 * Frees an event and wipes its identifiers. NULL is fine.
 */
void sekisho_event_free(sekisho_event *event);

/**
 * Sets a text field, or an identifier. The bytes are copied.
 *
 * Refused with a status, and the field keeps its value: another type, invalid UTF-8, empty, too long, a
 * value that the field does not allow, text that holds a card number. A card number in `card` may hold
 * blanks or hyphens.
 */
sekisho_status sekisho_event_set_text(sekisho_event *event,
                                      uint16_t field,
                                      const char *text,
                                      size_t length);

/**
 * Sets an integer field, a time in milliseconds since 1970, a number field, or an identifier that is a
 * number.
 */
sekisho_status sekisho_event_set_integer(sekisho_event *event,
                                         uint16_t field,
                                         int64_t value);

/**
 * Sets a number field. NaN and infinities are refused.
 */
sekisho_status sekisho_event_set_number(sekisho_event *event, uint16_t field, double value);

/**
 * Sets a boolean field.
 */
sekisho_status sekisho_event_set_boolean(sekisho_event *event, uint16_t field, bool value);

/**
 * Sets a field of any kind from text in the form of its kind: for hosts that read files and command lines.
 *
 * Integers and numbers in decimal, booleans as `true` or `false`, times as milliseconds or RFC 3339.
 * SEKISHO_STATUS_WRONG_TYPE for text that does not read as the field's kind, and all that
 * sekisho_event_set_text refuses.
 */
sekisho_status sekisho_event_set_parsed(sekisho_event *event,
                                        uint16_t field,
                                        const char *text,
                                        size_t length);

/**
 * Makes a field absent.
 */
sekisho_status sekisho_event_unset(sekisho_event *event, uint16_t field);

/**
 * Makes every field absent, wipes the identifiers, and keeps the memory for the next event.
 */
sekisho_status sekisho_event_clear(sekisho_event *event);

/**
 * Why the last call with this event failed, in one line: the field, what was found and what is expected,
 * never the value of an identifier. Empty when the last call succeeded.
 *
 * The text lives until the next call that takes the event to change it.
 */
sekisho_status sekisho_event_error(const sekisho_event *event,
                                   const char **text,
                                   size_t *length);

/**
 * Makes an empty decision. It is written to `decision` and belongs to the caller.
 */
sekisho_status sekisho_decision_new(sekisho_decision **decision);

/**
 * Makes an empty decision that keeps the values of features when it is filled: for the
 * sekisho_decision_feature functions, records, and explanations with values. It is written to `decision` and
 * belongs to the caller.
 */
sekisho_status sekisho_decision_new_detailed(sekisho_decision **decision);

/**
 * Frees a decision. NULL is fine.
 */
void sekisho_decision_free(sekisho_decision *decision);

/**
 * The policy that decided, as a new handle that belongs to the caller: the one by which features are numbered, also
 * when another has come into force since. Comparing fingerprints with sekisho_policy_fingerprint tells whether it is
 * the same as before. SEKISHO_STATUS_NOT_FOUND when nothing was decided.
 */
sekisho_status sekisho_decision_policy(const sekisho_decision *decision,
                                       sekisho_policy **policy);

/**
 * What to do. SEKISHO_ACTION_NONE for NULL, for a new decision, and after a call that failed to fill it.
 */
sekisho_action sekisho_decision_action(const sekisho_decision *decision);

/**
 * 0 to 999; -1 when nothing was decided.
 */
int32_t sekisho_decision_score(const sekisho_decision *decision);

/**
 * The assurance level that a challenge must reach, 1 to 4; 0 unless the action is a challenge.
 */
int32_t sekisho_decision_strength(const sekisho_decision *decision);

/**
 * What has to be done beside the action: the bits of sekisho_obligation.
 */
uint32_t sekisho_decision_obligations(const sekisho_decision *decision);

/**
 * Whether the event's id was recorded before; then nothing was recorded now.
 */
bool sekisho_decision_is_repeated(const sekisho_decision *decision);

/**
 * What the policy on trial would have decided on the same event: see sekisho_engine_challenge_with. It changed
 * nothing. The functions that read a decision read it; the numbers of features are those of its own policy.
 *
 * NULL when there is none: nothing was decided, no policy is on trial, or it would have refused the event. It is
 * lent, not handed out: never free it, and let go of it when the decision is filled again or freed.
 */
const sekisho_decision *sekisho_decision_challenger(const sekisho_decision *decision);

/**
 * How many reasons there are, at most 8; 0 when nothing was decided.
 */
size_t sekisho_decision_reason_count(const sekisho_decision *decision);

/**
 * A reason: its code, as the policy writes it, and the points that it added. Most points first, each code
 * once.
 *
 * `points` may be NULL. The text lives until the decision is filled again or freed. SEKISHO_STATUS_NOT_FOUND
 * from the count on.
 */
sekisho_status sekisho_decision_reason(const sekisho_decision *decision,
                                       size_t index,
                                       const char **code,
                                       size_t *length,
                                       int32_t *points);

/**
 * How many rules held, shadow rules among them; 0 when nothing was decided.
 */
size_t sekisho_decision_hit_count(const sekisho_decision *decision);

/**
 * A rule that held, in the order of the policy: its id, the points that it added or would have added in
 * shadow, and whether it counted.
 *
 * `points` and `live` may be NULL. The text lives until the decision is filled again or freed.
 * SEKISHO_STATUS_NOT_FOUND from the count on.
 */
sekisho_status sekisho_decision_hit(const sekisho_decision *decision,
                                    size_t index,
                                    const char **id,
                                    size_t *length,
                                    int32_t *points,
                                    bool *live);

/**
 * How many rules read an absent value that nothing absorbed; 0 when nothing was decided.
 */
size_t sekisho_decision_missing_count(const sekisho_decision *decision);

/**
 * The id of a rule that read an absent value. The text lives until the decision is filled again or freed.
 * SEKISHO_STATUS_NOT_FOUND from the count on.
 */
sekisho_status sekisho_decision_missing(const sekisho_decision *decision,
                                        size_t index,
                                        const char **id,
                                        size_t *length);

/**
 * Explains a decision to people: the rules that held, and with which values. Identifiers are not shown.
 *
 * `event` is the one that was decided on; it is only read. The text is copied into `buffer`, without a NUL
 * at its end, and its length is written to `length`. SEKISHO_STATUS_BUFFER_TOO_SMALL when it does not fit:
 * `length` is then what the buffer must have. A NULL buffer of 0 bytes asks for just that.
 */
sekisho_status sekisho_decision_explain(const sekisho_decision *decision,
                                        const sekisho_event *event,
                                        char *buffer,
                                        size_t capacity,
                                        size_t *length);

/**
 * Writes the record of a detailed decision as one line of JSON: all that it was made from, without any raw
 * identifier. It can be replayed years later to the same bits.
 *
 * `event` is the one that was decided on; it is only read. Buffer and length as in sekisho_decision_explain.
 * SEKISHO_STATUS_RECORD when the decision keeps no features. `error` may be NULL, and is not written for
 * SEKISHO_STATUS_BUFFER_TOO_SMALL.
 */
sekisho_status sekisho_decision_record(const sekisho_decision *decision,
                                       const sekisho_event *event,
                                       char *buffer,
                                       size_t capacity,
                                       size_t *length,
                                       sekisho_error **error);

/**
 * Decides again from a record, with the policy that decided then; no engine is needed. The decision becomes
 * a detailed one.
 *
 * SEKISHO_STATUS_RECORD when the record is damaged or the policy is another one; the decision is empty then.
 * `error` may be NULL.
 */
sekisho_status sekisho_decision_replay(const sekisho_policy *policy,
                                       const char *json,
                                       size_t length,
                                       sekisho_decision *decision,
                                       sekisho_error **error);

/**
 * The name of a feature by its index in the policy that decided. The text lives until the decision is filled again or
 * freed. SEKISHO_STATUS_NOT_FOUND when the decision keeps no features, or none at this index.
 */
sekisho_status sekisho_decision_feature_name(const sekisho_decision *decision,
                                             size_t index,
                                             const char **text,
                                             size_t *length);

/**
 * How much of a feature's value is there, by the feature's index in the policy that decided.
 * SEKISHO_PRESENCE_NONE when the decision keeps no features, or none at this index.
 */
sekisho_presence sekisho_decision_feature_presence(const sekisho_decision *decision, size_t index);

/**
 * The 64 bits of a feature of any type: a double's own, an integer's two's complement, 0 or 1, a hash of
 * text.
 *
 * Two values of one feature are the same when their bits are. SEKISHO_STATUS_MISSING when there is none,
 * SEKISHO_STATUS_NOT_FOUND when the decision keeps no features, or none at this index.
 */
sekisho_status sekisho_decision_feature_bits(const sekisho_decision *decision,
                                             size_t index,
                                             uint64_t *bits);

/**
 * The value of an integer feature, of a duration or time in milliseconds, or of a boolean as 0 or 1.
 *
 * SEKISHO_STATUS_MISSING when there is none, SEKISHO_STATUS_WRONG_TYPE for numbers and text,
 * SEKISHO_STATUS_NOT_FOUND when the decision keeps no features, or none at this index.
 */
sekisho_status sekisho_decision_feature_integer(const sekisho_decision *decision,
                                                size_t index,
                                                int64_t *value);

/**
 * The value of a number feature.
 *
 * SEKISHO_STATUS_MISSING when there is none, SEKISHO_STATUS_WRONG_TYPE for other types,
 * SEKISHO_STATUS_NOT_FOUND when the decision keeps no features, or none at this index.
 */
sekisho_status sekisho_decision_feature_number(const sekisho_decision *decision,
                                               size_t index,
                                               double *value);

/**
 * The value of a text feature: the text itself up to seven bytes, else `#` and a hash.
 *
 * Buffer and length as in sekisho_decision_explain; 32 bytes are enough. SEKISHO_STATUS_MISSING when there
 * is none, SEKISHO_STATUS_WRONG_TYPE for other types, SEKISHO_STATUS_NOT_FOUND when the decision keeps no
 * features, or none at this index.
 */
sekisho_status sekisho_decision_feature_text(const sekisho_decision *decision,
                                             size_t index,
                                             char *buffer,
                                             size_t capacity,
                                             size_t *length);

/**
 * How many limits the event is about, those in shadow among them; 0 when nothing was decided.
 */
size_t sekisho_decision_limit_count(const sekisho_decision *decision);

/**
 * A limit that the event is about, in the order of the policy: its name, whether the event exceeds it, whether part
 * of what was used has been forgotten or summed up, and whether the limit counts or is in shadow. An event that
 * cannot be compared with its limit exceeds it if the limit's `on_missing` says so.
 *
 * `exceeded`, `approximate` and `live` may be NULL. The text lives until the decision is filled again or freed.
 * SEKISHO_STATUS_NOT_FOUND from the count on.
 */
sekisho_status sekisho_decision_limit(const sekisho_decision *decision,
                                      size_t index,
                                      const char **name,
                                      size_t *length,
                                      bool *exceeded,
                                      bool *approximate,
                                      bool *live);

/**
 * How the event stands to a limit, in minor units of the policy's currency or in events: how much is allowed, how
 * much of it was used before the event, how much remained, and how much the event asks for.
 *
 * Each of the four may be NULL. SEKISHO_STATUS_MISSING when one that is asked for is not known, and none is written
 * then; SEKISHO_STATUS_NOT_FOUND from the count on.
 */
sekisho_status sekisho_decision_limit_amounts(const sekisho_decision *decision,
                                              size_t index,
                                              int64_t *ceiling,
                                              int64_t *used,
                                              int64_t *remaining,
                                              int64_t *asked);

/**
 * Makes options that say nothing yet. They are written to `options` and belong to the caller.
 */
sekisho_status sekisho_engine_options_new(sekisho_engine_options **options);

/**
 * Frees options. NULL is fine.
 */
void sekisho_engine_options_free(sekisho_engine_options *options);

/**
 * Bytes that all histories together may fill, a gibibyte unless this is called. Tables without a budget of
 * their own share what the others leave, each an equal part.
 */
sekisho_status sekisho_engine_options_memory(sekisho_engine_options *options,
                                             size_t bytes);

/**
 * Bytes that the histories of one entity may fill. The entity is named as in `by`, such as "account"; the
 * name is copied. It outlasts swaps. `error` may be NULL.
 *
 * Whether the policy has such an entity and the bytes suffice is found when an engine is made.
 */
sekisho_status sekisho_engine_options_table_memory(sekisho_engine_options *options,
                                                   const char *entity,
                                                   size_t entity_length,
                                                   size_t bytes,
                                                   sekisho_error **error);

/**
 * The key that the engine's own is replacing, 32 secret bytes with the number that names it: for a snapshot or a
 * journal from before or during a rotation; see sekisho_engine_rotate. The bytes are copied, and wiped when the
 * options are freed. SEKISHO_STATUS_KEY for another length. `error` may be NULL.
 *
 * Whether it is another key than the engine's is found when an engine is made.
 */
sekisho_status sekisho_engine_options_previous_key(sekisho_engine_options *options,
                                                   uint32_t key_id,
                                                   const uint8_t *key,
                                                   size_t key_length,
                                                   sekisho_error **error);

/**
 * A key that other institutions have as well, 32 secret bytes with the number that names it, for lists that the policy
 * says are hashed with it: `key = "consortium"`. Name and bytes are copied, and the bytes wiped when the options are
 * freed. SEKISHO_STATUS_KEY for another length. `error` may be NULL.
 */
sekisho_status sekisho_engine_options_shared_key(sekisho_engine_options *options,
                                                 const char *name,
                                                 size_t name_length,
                                                 uint32_t key_id,
                                                 const uint8_t *key,
                                                 size_t key_length,
                                                 sekisho_error **error);

/**
 * Hands every change of the engine's memory to `journal` as a frame, for a log that can be recovered from:
 * recorded events, outcomes, labels, lists, what was forgotten. `context` is handed to it and outlives the
 * engine.
 *
 * The frame comes before the call that causes it returns. A host acknowledges a payment when its frame is
 * safe. Give each engine options of its own then: frames of two do not mix.
 */
sekisho_status sekisho_engine_options_journal(sekisho_engine_options *options,
                                              sekisho_journal journal,
                                              void *context);

/**
 * Makes an engine that remembers nothing yet, within a gibibyte of memory.
 *
 * `key` is the host's secret for hashing identifiers, exactly 32 bytes; it is copied, and wiped with the
 * engine. `key_id` names it in decision records. The engine is written to `engine` and belongs to the
 * caller; the policy stays the caller's and may be freed.
 *
 * SEKISHO_STATUS_KEY for a key of another length. `error` may be NULL.
 */
sekisho_status sekisho_engine_new(const sekisho_policy *policy,
                                  uint32_t key_id,
                                  const uint8_t *key,
                                  size_t key_length,
                                  sekisho_engine **engine,
                                  sekisho_error **error);

/**
 * Makes an engine with bounds of its own, or one that keeps a journal. Otherwise as sekisho_engine_new.
 *
 * The options stay the caller's and may be freed; NULL for none. SEKISHO_STATUS_UNKNOWN_NAME for a table that
 * the policy does not have, SEKISHO_STATUS_OUT_OF_RANGE for a budget that one entity alone can exceed.
 */
sekisho_status sekisho_engine_new_with(const sekisho_policy *policy,
                                       const sekisho_engine_options *options,
                                       uint32_t key_id,
                                       const uint8_t *key,
                                       size_t key_length,
                                       sekisho_engine **engine,
                                       sekisho_error **error);

/**
 * Frees an engine and wipes its key. NULL is fine.
 */
void sekisho_engine_free(sekisho_engine *engine);

/**
 * The policy in force, as a new handle that belongs to the caller.
 */
sekisho_status sekisho_engine_policy(const sekisho_engine *engine, sekisho_policy **policy);

/**
 * Decides on an event and remembers it.
 *
 * The event is not changed, but for its message when this fails. A decision may be used again and again;
 * then nothing is allocated for it. When the event's id was recorded before, it is decided anew but not
 * recorded, and sekisho_decision_is_repeated says so.
 *
 * An event that is refused changes nothing, and leaves the decision empty (SEKISHO_ACTION_NONE), so that the
 * decision on the event before is never taken for this one: no `type` or `time` or a field that the policy
 * requires (SEKISHO_STATUS_ABSENT), a time before 1970 or more than a day ahead of the latest seen
 * (SEKISHO_STATUS_TIME), an event of another policy's fields (SEKISHO_STATUS_SCHEMA), a rule with
 * on_missing = "fail" that reads an absent value (SEKISHO_STATUS_MISSING), an exact sum beyond 64 bits
 * (SEKISHO_STATUS_OVERFLOW).
 */
sekisho_status sekisho_engine_assess(const sekisho_engine *engine,
                                     sekisho_event *event,
                                     sekisho_decision *decision);

/**
 * Decides on an event and remembers nothing. Otherwise as sekisho_engine_assess.
 */
sekisho_status sekisho_engine_score(const sekisho_engine *engine,
                                    sekisho_event *event,
                                    sekisho_decision *decision);

/**
 * Remembers an event without deciding.
 *
 * `recorded` is false when its id was recorded before; it may be NULL. Refuses as sekisho_engine_assess, but
 * for rules and sums.
 */
sekisho_status sekisho_engine_record(const sekisho_engine *engine,
                                     sekisho_event *event,
                                     bool *recorded);

/**
 * States how an event ended: `outcome` is a number of sekisho_outcome. Windows that test the outcome count
 * the event anew.
 *
 * The event is the one that was assessed or recorded, with its id. `known` is false when nothing remembers
 * it; it may be NULL. SEKISHO_STATUS_ABSENT without an id, SEKISHO_STATUS_OUT_OF_RANGE for another number.
 */
sekisho_status sekisho_engine_resolve(const sekisho_engine *engine,
                                      sekisho_event *event,
                                      int32_t outcome,
                                      bool *known);

/**
 * States what was learnt about an event: `label` is a number of sekisho_label, `at` the time of learning in
 * milliseconds since 1970; questions about earlier times do not see it.
 *
 * The event is the one that was assessed or recorded, with its id. `known` is false when nothing remembers
 * it; it may be NULL. SEKISHO_STATUS_ABSENT without an id, SEKISHO_STATUS_TIME when `at` is before the
 * event, SEKISHO_STATUS_OUT_OF_RANGE for another label.
 */
sekisho_status sekisho_engine_label(const sekisho_engine *engine,
                                    sekisho_event *event,
                                    int32_t label,
                                    int64_t at,
                                    bool *known);

/**
 * States that the clock has reached `time` (milliseconds since 1970), so that events up to a day later are
 * taken: after a pause, or when the past is replayed. Never goes back.
 *
 * SEKISHO_STATUS_TIME outside the years 1970 to 9999. `error` may be NULL.
 */
sekisho_status sekisho_engine_advance(const sekisho_engine *engine,
                                      int64_t time,
                                      sekisho_error **error);

/**
 * Drops what no feature needs any more, as of the latest time seen, and the entities of which nothing is left.
 * `gone` receives how many those were; it may be NULL.
 *
 * Calls do the same bit by bit for themselves. It is for what has to be gone by a time, such as the digests of
 * credentials after a day; call sekisho_engine_advance before. `error` may be NULL.
 */
sekisho_status sekisho_engine_expire(const sekisho_engine *engine,
                                     uint64_t *gone,
                                     sekisho_error **error);

/**
 * Installs another policy while others go on scoring. Features that exist in both keep their history, as do
 * lists.
 *
 * `report` says which features start without history or without all of it; it may be NULL, else it is written
 * and belongs to the caller. Events that were made for other declared attributes are refused from now on
 * (SEKISHO_STATUS_SCHEMA) and have to be made anew. A challenger goes on beside the new policy if it can. The policy
 * stays the caller's.
 *
 * SEKISHO_STATUS_OUT_OF_RANGE when one entity alone could exceed the memory of its table. `error` may be NULL.
 */
sekisho_status sekisho_engine_swap(const sekisho_engine *engine,
                                   const sekisho_policy *policy,
                                   sekisho_swap_report **report,
                                   sekisho_error **error);

/**
 * Frees a report. NULL is fine.
 */
void sekisho_swap_report_free(sekisho_swap_report *report);

/**
 * Whether there was a challenger that needs what the new policy does not remember, so that its trial ended. False
 * for NULL.
 */
bool sekisho_swap_report_challenger_ended(const sekisho_swap_report *report);

/**
 * How many features count only what is recorded from now on; 0 for NULL.
 */
size_t sekisho_swap_report_cold_count(const sekisho_swap_report *report);

/**
 * The name of a feature that counts only what is recorded from now on. The text lives as long as the report.
 * SEKISHO_STATUS_NOT_FOUND from the count on.
 */
sekisho_status sekisho_swap_report_cold(const sekisho_swap_report *report,
                                        size_t index,
                                        const char **text,
                                        size_t *length);

/**
 * How many lists and kinds of histories the new policy has no more; 0 for NULL.
 */
size_t sekisho_swap_report_dropped_count(const sekisho_swap_report *report);

/**
 * What the new policy has no more, with all that it held: `list blocked (2 members)`, `histories of merchant`. The text
 * lives as long as the report. SEKISHO_STATUS_NOT_FOUND from the count on.
 */
sekisho_status sekisho_swap_report_dropped(const sekisho_swap_report *report,
                                           size_t index,
                                           const char **text,
                                           size_t *length);

/**
 * How many features look farther back than anything did before, or at what was not remembered from the start; 0 for
 * NULL.
 */
size_t sekisho_swap_report_partly_warm_count(const sekisho_swap_report *report);

/**
 * The name of a feature that looks farther back than anything did before.
 *
 * `since` is the time in milliseconds since 1970 from which on all is remembered; it may be NULL. The text
 * lives as long as the report. SEKISHO_STATUS_NOT_FOUND from the count on.
 */
sekisho_status sekisho_swap_report_partly_warm(const sekisho_swap_report *report,
                                               size_t index,
                                               const char **text,
                                               size_t *length,
                                               int64_t *since);

/**
 * Forgets an entity, named as in `by`: its history, its entries on lists, and its hash wherever others remember
 * it, as an account does of its devices; counts stay what they were. It looks through every table that remembers
 * entities of this kind.
 *
 * `known` is false when nothing was known of it; it may be NULL, as may `error`. SEKISHO_STATUS_UNKNOWN_NAME
 * for an entity that neither the policy nor the fields have, and the statuses of sekisho_event_set_text for
 * the identifier.
 */
sekisho_status sekisho_engine_forget(const sekisho_engine *engine,
                                     const char *entity,
                                     size_t entity_length,
                                     const char *id,
                                     size_t id_length,
                                     bool *known,
                                     sekisho_error **error);

/**
 * Puts another key in force, 32 secret bytes with a number of its own; the one so far is kept as the previous key.
 * Nothing is lost and nothing waits: what an event touches comes to the new key, so decisions stay the same.
 *
 * `unrotated` of sekisho_table_statistics tells how many entities are left under the previous key;
 * sekisho_engine_retire_key ends the rotation. A restart meanwhile takes both keys: see
 * sekisho_engine_options_previous_key. With a journal, frames come of sekisho_engine_score as well until then.
 *
 * SEKISHO_STATUS_KEY for another length than 32, the number of the present or the previous key, the present one's
 * secret, and while an earlier rotation goes on. `error` may be NULL.
 */
sekisho_status sekisho_engine_rotate(const sekisho_engine *engine,
                                     uint32_t key_id,
                                     const uint8_t *key,
                                     size_t key_length,
                                     sekisho_error **error);

/**
 * Ends a rotation: the previous key is gone, and with it every entity and every member of a list that was not
 * touched since. `dropped` says how many these were, 0 when there is no previous key; it may be NULL.
 */
sekisho_status sekisho_engine_retire_key(const sekisho_engine *engine,
                                         uint64_t *dropped);

/**
 * Puts an identifier (or, on a cidr list, a network or address) on a list, or changes its entry.
 *
 * `severity` says how bad a hit is, 0 to 100. `source` says who says so; it may be NULL. `expires` is the
 * first millisecond since 1970 at which the entry no longer counts, by the events' time; 0 for never.
 * Everything is copied. sekisho_engine_list_add_with_reason says why, too.
 *
 * SEKISHO_STATUS_UNKNOWN_NAME for a list that the policy does not name, and the statuses of
 * sekisho_event_set_text for the member. `error` may be NULL.
 */
sekisho_status sekisho_engine_list_add(const sekisho_engine *engine,
                                       const char *list,
                                       size_t list_length,
                                       const char *member,
                                       size_t member_length,
                                       uint8_t severity,
                                       const char *source,
                                       size_t source_length,
                                       int64_t expires,
                                       sekisho_error **error);

/**
 * Takes an identifier or network off a list. `removed` is false when it was not on it; it may be NULL, as
 * may `error`. The statuses are those of sekisho_engine_list_add.
 */
sekisho_status sekisho_engine_list_remove(const sekisho_engine *engine,
                                          const char *list,
                                          size_t list_length,
                                          const char *member,
                                          size_t member_length,
                                          bool *removed,
                                          sekisho_error **error);

/**
 * How many members a list has, expired ones among them. SEKISHO_STATUS_UNKNOWN_NAME for a list that the
 * policy does not name. `error` may be NULL.
 */
sekisho_status sekisho_engine_list_length(const sekisho_engine *engine,
                                          const char *list,
                                          size_t list_length,
                                          size_t *members,
                                          sekisho_error **error);

/**
 * Puts an identifier (or, on a cidr list, a network or address) on a list, or changes its entry, and says why.
 *
 * As sekisho_engine_list_add; `reason` says why it is listed, and may be NULL.
 */
sekisho_status sekisho_engine_list_add_with_reason(const sekisho_engine *engine,
                                                   const char *list,
                                                   size_t list_length,
                                                   const char *member,
                                                   size_t member_length,
                                                   uint8_t severity,
                                                   const char *reason,
                                                   size_t reason_length,
                                                   const char *source,
                                                   size_t source_length,
                                                   int64_t expires,
                                                   sekisho_error **error);

/**
 * Begins to gather members for a list. They are written to `members` and belong to the caller.
 *
 * SEKISHO_STATUS_UNKNOWN_NAME for a list that the policy does not name. `error` may be NULL.
 */
sekisho_status sekisho_engine_list_prepare(const sekisho_engine *engine,
                                           const char *list,
                                           size_t list_length,
                                           sekisho_members **members,
                                           sekisho_error **error);

/**
 * Frees members. NULL is fine.
 */
void sekisho_members_free(sekisho_members *members);

/**
 * Adds an identifier or, for a cidr list, a network or address. Of several that are the same the last counts.
 *
 * `severity`, `source` and `expires` as in sekisho_engine_list_add; `reason` says why it is listed, and may be NULL.
 * SEKISHO_STATUS_NOT_FOUND when the members were loaded already, and the statuses of sekisho_engine_list_add. `error`
 * may be NULL.
 */
sekisho_status sekisho_members_add(sekisho_members *members,
                                   const char *member,
                                   size_t member_length,
                                   uint8_t severity,
                                   const char *reason,
                                   size_t reason_length,
                                   const char *source,
                                   size_t source_length,
                                   int64_t expires,
                                   sekisho_error **error);

/**
 * Takes in what somebody else gathered for the same list. Of a member that both have, the more severe entry stays, of
 * two that are as severe the one that lasts longer. `other` is empty from then on; when both are the same, nothing
 * changes.
 *
 * SEKISHO_STATUS_KEY when they are for another list or were hashed with another key: then `other` stays as it is.
 * `error` may be NULL.
 */
sekisho_status sekisho_members_merge(sekisho_members *members,
                                     sekisho_members *other,
                                     sekisho_error **error);

/**
 * Adds the members to their list, some ten thousand at a time. `more` says how many the list has more than before; it
 * may be NULL, as may `error`. The members are empty from then on.
 *
 * SEKISHO_STATUS_UNKNOWN_NAME when another policy is in force that does not name the list, SEKISHO_STATUS_KEY when
 * they were hashed with another key or it was replaced since: then the members stay as they are, unless that happens
 * while they are loaded.
 */
sekisho_status sekisho_engine_list_load(const sekisho_engine *engine,
                                        sekisho_members *members,
                                        size_t *more,
                                        sekisho_error **error);

/**
 * Puts the members in the place of all that their list has, at once: whoever scores meanwhile sees the ones or the
 * others, and waits for nothing. `name` is what the host calls them. `count` says how many the list has now; it may be
 * NULL, as may `error`. The members are empty from then on. The statuses are those of sekisho_engine_list_load.
 */
sekisho_status sekisho_engine_list_swap(const sekisho_engine *engine,
                                        sekisho_members *members,
                                        const char *name,
                                        size_t name_length,
                                        size_t *count,
                                        sekisho_error **error);

/**
 * Which version a list has: what it was called when it was last swapped, as by sekisho_decision_explain, and how often
 * it changed. `number` and `error` may be NULL.
 *
 * SEKISHO_STATUS_UNKNOWN_NAME for a list that the policy does not name, SEKISHO_STATUS_BUFFER_TOO_SMALL when `name`
 * holds fewer bytes than are written to `length`.
 */
sekisho_status sekisho_engine_list_version(const sekisho_engine *engine,
                                           const char *list,
                                           size_t list_length,
                                           char *name,
                                           size_t capacity,
                                           size_t *length,
                                           uint64_t *number,
                                           sekisho_error **error);

/**
 * Writes what was gathered as bytes that others who have the list's key can open with sekisho_engine_list_open. No
 * identifier can be read from them; whoever has the key can try whether a certain one is among them.
 *
 * SEKISHO_STATUS_OUT_OF_RANGE for a cidr list, whose networks could be read, SEKISHO_STATUS_HOST when `write` fails.
 * `context` is handed to `write`. `error` may be NULL.
 */
sekisho_status sekisho_engine_list_seal(const sekisho_engine *engine,
                                        const sekisho_members *members,
                                        sekisho_write write,
                                        void *context,
                                        sekisho_error **error);

/**
 * Opens what was sealed for a list. The members are written to `members` and belong to the caller.
 *
 * SEKISHO_STATUS_DAMAGED for bytes that are no bundle, are cut off or changed, were sealed with another key or for
 * another kind of list. `error` may be NULL.
 */
sekisho_status sekisho_engine_list_open(const sekisho_engine *engine,
                                        const char *list,
                                        size_t list_length,
                                        const uint8_t *bytes,
                                        size_t bytes_length,
                                        sekisho_members **members,
                                        sekisho_error **error);

/**
 * Puts a policy on trial while others go on scoring: from now on it decides on every event beside the policy in
 * force, from the same memory, and changes nothing; sekisho_decision_challenger tells what. It takes the place of an
 * earlier one. Features that both policies have are computed once.
 *
 * `report` says which these are; it may be NULL, else it is written and belongs to the caller. The policy stays the
 * caller's.
 *
 * SEKISHO_STATUS_UNKNOWN_NAME when it needs what the policy in force does not remember: the error names what, and
 * what to add to that policy; SEKISHO_STATUS_SCHEMA when it declares other attributes. What was on trial before
 * stays then. `error` may be NULL.
 */
sekisho_status sekisho_engine_challenge_with(const sekisho_engine *engine,
                                             const sekisho_policy *policy,
                                             sekisho_challenger_report **report,
                                             sekisho_error **error);

/**
 * Ends the trial. `ended` is false when no policy was on trial; it may be NULL.
 */
sekisho_status sekisho_engine_end_challenge(const sekisho_engine *engine, bool *ended);

/**
 * The policy on trial, as a new handle that belongs to the caller. SEKISHO_STATUS_NOT_FOUND when there is none.
 */
sekisho_status sekisho_engine_challenger(const sekisho_engine *engine,
                                         sekisho_policy **policy);

/**
 * Frees a report. NULL is fine.
 */
void sekisho_challenger_report_free(sekisho_challenger_report *report);

/**
 * How many features are computed once for both policies; 0 for NULL.
 */
size_t sekisho_challenger_report_shared_count(const sekisho_challenger_report *report);

/**
 * The name of a feature that is computed once for both policies. The text lives as long as the report.
 * SEKISHO_STATUS_NOT_FOUND from the count on.
 */
sekisho_status sekisho_challenger_report_shared(const sekisho_challenger_report *report,
                                                size_t index,
                                                const char **text,
                                                size_t *length);

/**
 * How many features only the policy on trial has; 0 for NULL.
 */
size_t sekisho_challenger_report_own_count(const sekisho_challenger_report *report);

/**
 * The name of a feature that only the policy on trial has; it is computed from what the policy in force remembers.
 * The text lives as long as the report. SEKISHO_STATUS_NOT_FOUND from the count on.
 */
sekisho_status sekisho_challenger_report_own(const sekisho_challenger_report *report,
                                             size_t index,
                                             const char **text,
                                             size_t *length);

/**
 * Writes everything that the engine remembers, in pieces, while other threads go on scoring: each piece is as
 * of the moment at which it was copied. The bytes hold tokens in place of identifiers, but for the networks on
 * lists; they are sealed with the engine's key and not encrypted.
 *
 * What happens meanwhile is partly contained: a host that keeps a journal restores the snapshot, then the
 * frames from `next_frame` of the report on, and has the same state to the bit.
 *
 * `context` is handed to `write`, which calls nothing of the engine. `report` may be NULL; else its `size` is
 * set by the caller, and treated as by sekisho_statistics_table. SEKISHO_STATUS_HOST when `write` fails. `error`
 * may be NULL.
 */
sekisho_status sekisho_engine_snapshot(const sekisho_engine *engine,
                                       sekisho_write write,
                                       void *context,
                                       sekisho_snapshot_report *report,
                                       sekisho_error **error);

/**
 * Makes an engine that remembers what a snapshot holds. Otherwise as sekisho_engine_new_with.
 *
 * `context` is handed to `read`. The policy may remember more than the one that the snapshot was taken under,
 * not less: restore under that one, then swap.
 *
 * SEKISHO_STATUS_DAMAGED for bytes that are no snapshot, are cut off or changed, belong to another key or a
 * later release, or hold what the policy does not remember; SEKISHO_STATUS_HOST when `read` fails.
 */
sekisho_status sekisho_engine_restore(const sekisho_policy *policy,
                                      const sekisho_engine_options *options,
                                      uint32_t key_id,
                                      const uint8_t *key,
                                      size_t key_length,
                                      sekisho_read read,
                                      void *context,
                                      sekisho_engine **engine,
                                      sekisho_error **error);

/**
 * Does again what a journal says, after a snapshot was restored or from the very first frame on. Frames that
 * the snapshot contains are passed over. Call it before the engine is used; it writes no frames.
 *
 * `context` is handed to `read`. `report` says how far the journal went; it may be NULL, else it is written and
 * belongs to the caller. Frames are done one by one: after an error the engine is as of the frame before.
 *
 * SEKISHO_STATUS_DAMAGED for a frame that is changed, missing, out of its order or another key's;
 * SEKISHO_STATUS_HOST when `read` fails. `error` may be NULL.
 */
sekisho_status sekisho_engine_recover(const sekisho_engine *engine,
                                      sekisho_read read,
                                      void *context,
                                      sekisho_recovered **report,
                                      sekisho_error **error);

/**
 * Frees a report. NULL is fine.
 */
void sekisho_recovered_free(sekisho_recovered *report);

/**
 * Whether the journal was done to its end: nothing is torn, and no other policy follows. False for NULL.
 */
bool sekisho_recovered_is_complete(const sekisho_recovered *report);

/**
 * Frames that were read, those among them that the snapshot contained already; 0 for NULL.
 */
uint64_t sekisho_recovered_frames(const sekisho_recovered *report);

/**
 * Bytes of whole frames that were read; 0 for NULL.
 */
uint64_t sekisho_recovered_bytes(const sekisho_recovered *report);

/**
 * Bytes of a last frame that was not written to its end; 0 for NULL. What it says was never acknowledged: cut
 * the file to the bytes of whole frames before more is appended.
 */
uint64_t sekisho_recovered_torn(const sekisho_recovered *report);

/**
 * The policy that the next frame was written under, by its name and version, when it is another than the
 * engine's: swap to it, and recover from the byte behind the whole frames on.
 *
 * The text lives as long as the report. SEKISHO_STATUS_NOT_FOUND when no other policy follows.
 */
sekisho_status sekisho_recovered_policy(const sekisho_recovered *report,
                                        const char **text,
                                        size_t *length);

/**
 * What each table remembers now. The statistics are written to `statistics` and belong to the caller.
 */
sekisho_status sekisho_engine_statistics(const sekisho_engine *engine,
                                         sekisho_statistics **statistics);

/**
 * Frees statistics. NULL is fine.
 */
void sekisho_statistics_free(sekisho_statistics *statistics);

/**
 * How many tables there are; 0 for NULL.
 */
size_t sekisho_statistics_table_count(const sekisho_statistics *statistics);

/**
 * The name of a table's entity, as in `by`. The text lives as long as the statistics.
 * SEKISHO_STATUS_NOT_FOUND from the count on.
 */
sekisho_status sekisho_statistics_table_name(const sekisho_statistics *statistics,
                                             size_t index,
                                             const char **text,
                                             size_t *length);

/**
 * What a table remembers. `table` is the caller's, who sets its size before.
 *
 * Only what lies within that size is written, so that a program goes on working with a library that counts
 * more; with one that counts less, the size is set to what was written. SEKISHO_STATUS_NOT_FOUND from the
 * count on, SEKISHO_STATUS_OUT_OF_RANGE for a size that is too small for any version.
 */
sekisho_status sekisho_statistics_table(const sekisho_statistics *statistics,
                                        size_t index,
                                        sekisho_table_statistics *table);

/**
 * Makes a registry without tenants, for engines that together may fill so many bytes. It is written to `tenants`
 * and belongs to the caller.
 */
sekisho_status sekisho_tenants_new(size_t memory,
                                   sekisho_tenants **tenants);

/**
 * Frees a registry. NULL is fine. Engines that were got from it are freed by themselves.
 */
void sekisho_tenants_free(sekisho_tenants *tenants);

/**
 * Starts an engine under a name, which is copied, as sekisho_engine_new_with does. It may fill the bytes that its
 * options say, a gibibyte without.
 *
 * `engine` may be NULL; else it is written as by sekisho_tenants_get. SEKISHO_STATUS_TAKEN when a tenant has this
 * name, SEKISHO_STATUS_OUT_OF_RANGE when fewer bytes are left, SEKISHO_STATUS_EMPTY or SEKISHO_STATUS_TOO_LONG for a
 * name of no or more than 256 bytes, and the statuses of sekisho_engine_new_with. `error` may be NULL.
 */
sekisho_status sekisho_tenants_add(const sekisho_tenants *tenants,
                                   const char *name,
                                   size_t name_length,
                                   const sekisho_policy *policy,
                                   const sekisho_engine_options *options,
                                   uint32_t key_id,
                                   const uint8_t *key,
                                   size_t key_length,
                                   sekisho_engine **engine,
                                   sekisho_error **error);

/**
 * Starts an engine that remembers what a snapshot holds, under a name. Otherwise as sekisho_tenants_add and
 * sekisho_engine_restore. The name and the memory are set aside while it is read; nobody gets the tenant before it
 * is whole.
 */
sekisho_status sekisho_tenants_restore(const sekisho_tenants *tenants,
                                       const char *name,
                                       size_t name_length,
                                       const sekisho_policy *policy,
                                       const sekisho_engine_options *options,
                                       uint32_t key_id,
                                       const uint8_t *key,
                                       size_t key_length,
                                       sekisho_read read,
                                       void *context,
                                       sekisho_engine **engine,
                                       sekisho_error **error);

/**
 * The engine of a tenant, as a new handle that belongs to the caller and is freed with sekisho_engine_free. It goes
 * on working after the tenant was removed. Never waits; keep the handle rather than asking for each event.
 *
 * SEKISHO_STATUS_NOT_FOUND when no tenant has this name.
 */
sekisho_status sekisho_tenants_get(const sekisho_tenants *tenants,
                                   const char *name,
                                   size_t name_length,
                                   sekisho_engine **engine);

/**
 * Takes a tenant out. `removed` is false when there was none of this name; it may be NULL. Its memory is freed, and
 * its bytes can be given to another, once all handles of its engine are freed.
 */
sekisho_status sekisho_tenants_remove(const sekisho_tenants *tenants,
                                      const char *name,
                                      size_t name_length,
                                      bool *removed);

/**
 * How many tenants there are; 0 for NULL.
 */
size_t sekisho_tenants_count(const sekisho_tenants *tenants);

/**
 * Bytes that a further tenant may fill; 0 for NULL.
 */
size_t sekisho_tenants_memory_left(const sekisho_tenants *tenants);

/**
 * What each tenant remembers now. The statistics are written to `statistics` and belong to the caller.
 */
sekisho_status sekisho_tenants_statistics(const sekisho_tenants *tenants,
                                          sekisho_tenant_statistics **statistics);

/**
 * Frees statistics. NULL is fine.
 */
void sekisho_tenant_statistics_free(sekisho_tenant_statistics *statistics);

/**
 * How many tenants there were; 0 for NULL.
 */
size_t sekisho_tenant_statistics_count(const sekisho_tenant_statistics *statistics);

/**
 * A tenant: its name, how many bytes it may fill, and how many it filled.
 *
 * `memory` and `bytes` may be NULL. The text lives as long as the statistics. SEKISHO_STATUS_NOT_FOUND from the
 * count on. What each table remembers is told by sekisho_engine_statistics.
 */
sekisho_status sekisho_tenant_statistics_tenant(const sekisho_tenant_statistics *statistics,
                                                size_t index,
                                                const char **name,
                                                size_t *length,
                                                size_t *memory,
                                                size_t *bytes);

/**
 * The form in which a policy with a locale hashes an identifier, so that its spellings meet.
 *
 * `kind` is one of sekisho_locale_kind. The text goes to `buffer` and its length to `length`; with too small a
 * buffer, SEKISHO_STATUS_BUFFER_TOO_SMALL and the length that it must have. SEKISHO_STATUS_OUT_OF_RANGE for text
 * that cannot be brought into a form, and for unknown kinds. Any number of threads may call this.
 */
sekisho_status sekisho_locale_canonical(int32_t kind,
                                        const char *text,
                                        size_t text_length,
                                        char *buffer,
                                        size_t capacity,
                                        size_t *length);

/**
 * What names that match have in common: large kana, one mark for long vowels and hyphens, usual kanji, no spaces,
 * corporations abbreviated as between banks. SEKISHO_STATUS_EMPTY when no letter is in the name; else as
 * sekisho_locale_canonical.
 */
sekisho_status sekisho_locale_name_key(const char *text,
                                       size_t text_length,
                                       char *buffer,
                                       size_t capacity,
                                       size_t *length);

/**
 * What two names say of each other.
 */
sekisho_status sekisho_locale_match_names(const char *a,
                                          size_t a_length,
                                          const char *b,
                                          size_t b_length,
                                          sekisho_name_match *found);

/**
 * How far two addresses agree: the deepest level on which they do, and what follows it.
 */
sekisho_status sekisho_locale_match_addresses(const char *a,
                                              size_t a_length,
                                              const char *b,
                                              size_t b_length,
                                              sekisho_address_level *level,
                                              sekisho_address_rest *rest);

/**
 * One level of an address, by its number in sekisho_address_level. SEKISHO_STATUS_NOT_FOUND when the address does not
 * have it; else as sekisho_locale_canonical.
 */
sekisho_status sekisho_locale_address_level(const char *text,
                                            size_t text_length,
                                            int32_t level,
                                            char *buffer,
                                            size_t capacity,
                                            size_t *length);

/**
 * What kind of line a phone number belongs to. SEKISHO_STATUS_OUT_OF_RANGE when it is none.
 */
sekisho_status sekisho_locale_phone_class(const char *text,
                                          size_t text_length,
                                          sekisho_phone_class *class_);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* SEKISHO_H */
