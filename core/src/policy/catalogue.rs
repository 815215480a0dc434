//! The catalogue of what features can compute: formula, unit, range, source and cost of each aggregate.
//!
//! `docs/features.md` is generated from it.

/// What a policy can name as the `aggregate` of a feature.
///
/// n is the number of events that a feature selects, x the event that is scored.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct AggregateInfo {
    /// The name; `expression` is a key of its own.
    pub name: &'static str,
    /// What it belongs to: velocity, behaviour, sequence, geography, login, device, combination.
    pub family: &'static str,
    /// What `of` takes; empty for those without.
    pub of: &'static str,
    /// The keys that it alone or few others have.
    pub keys: &'static str,
    /// The value.
    pub formula: &'static str,
    /// Its unit and range.
    pub range: &'static str,
    /// When there is no value.
    pub missing: &'static str,
    /// Where the formula comes from; empty for what needs no source.
    pub source: &'static str,
    /// What grows with it.
    pub cost: &'static str,
}

const DIRECTIONS: &str = "Mardia and Jupp, Directional Statistics (2000); Best and Fisher (1981)";

macro_rules! aggregates {
    ($($name:literal $family:ident of $of:literal keys $keys:literal: $formula:literal; $range:literal; missing $missing:literal; source $source:expr; cost $cost:literal)*) => {
        /// Every aggregate, by family.
        pub static AGGREGATES: &[AggregateInfo] = &[
            $(AggregateInfo {
                name: $name,
                family: stringify!($family),
                of: $of,
                keys: $keys,
                formula: $formula,
                range: $range,
                missing: $missing,
                source: $source,
                cost: $cost,
            },)*
        ];
    };
}

aggregates! {
    "count" velocity of "" keys "half_life":
        "n; with `half_life` h the sum of the weights w = 2^(-age / h), the age being that at the window's end";
        "events, 0 and more; an integer, with `half_life` a double";
        missing ""; source ""; cost "a word for each 64 events; with `half_life` an exponential for each event"
    "sum" velocity of "integer, number" keys "half_life":
        "Σ v, of integers exactly; with `half_life` Σ w·v";
        "that of the field"; missing ""; source ""; cost "one pass"
    "mean" velocity of "integer, number" keys "half_life":
        "Σ v / n; with `half_life` Σ w·v / Σ w";
        "that of the field, a double"; missing "when n is 0"; source ""; cost "one pass"
    "min" velocity of "integer, number, time" keys "":
        "the least v"; "that of the field"; missing "when n is 0"; source ""; cost "one pass"
    "max" velocity of "integer, number, time" keys "":
        "the greatest v"; "that of the field"; missing "when n is 0"; source ""; cost "one pass"
    "stddev" velocity of "integer, number" keys "":
        "the standard deviation of a sample: √(Σ (v - mean)² / (n - 1))";
        "that of the field, a double, 0 and more"; missing "when n is below 2";
        source "over panes: Chan, Golub and LeVeque (1979)"; cost "two passes"
    "distinct" velocity of "any field or entity" keys "":
        "how many different values";
        "values, 0 to n; an integer"; missing "";
        source "over panes: a sample by hash, after Gibbons, \"Distinct sampling\" (2001)"; cost "one pass"
    "listed" velocity of "any entity" keys "list":
        "how many different values are on the exact list `list` at x's time, whenever they were put there";
        "values, 0 to n; an integer, at most 64"; missing "";
        source "over panes: the values that the sample of `distinct` saw last";
        cost "a look into the list for each of the newest 64 different values, 0.1 us each among ten million members; 1 byte an event and 8 for each different value"
    "listed_severity" velocity of "any entity" keys "list":
        "the highest severity among these";
        "0 to 100, 0 without any; an integer"; missing "";
        source "as `listed`"; cost "as `listed`"
    "first" velocity of "any field but identifiers" keys "":
        "the oldest v"; "that of the field"; missing "when n is 0"; source ""; cost "the first bit"
    "last" velocity of "any field but identifiers" keys "":
        "the newest v"; "that of the field"; missing "when n is 0"; source ""; cost "the last bit"
    "since" velocity of "" keys "":
        "the time from the newest match to x"; "a duration, 0 and more"; missing "when n is 0"; source "";
        cost "the last bit"
    "age" velocity of "" keys "":
        "the time from the first match to x"; "a duration, 0 and more"; missing "when n is 0"; source "";
        cost "the first bit"
    "rate" velocity of "" keys "per, half_life":
        "n · per / over; with `half_life` h: Σ w · ln 2 / h · per, with an `over` of length l divided by 1 - 2^(-l / h)";
        "events per `per`, a double, 0 and more"; missing "";
        source "with `half_life`: Cormode et al., \"Forward decay\" (2009)"; cost "as `count`"
    "zscore" behaviour of "integer, number" keys "scale, at_least":
        "(s(x) - mean) / standard deviation of the n values s(v), where s(v) = sign(v)·ln(1 + |v|) with `scale = \"log\"` (when absent), v with `\"linear\"`";
        "standard deviations, any"; missing "for n below `at_least` (5 when absent), when all values are the same, when x has none";
        source ""; cost "two passes; 8 bytes an event for the logarithm"
    "time_of_day" behaviour of "" keys "at_least":
        "-ln f(x), f being the density of the von Mises distribution about the mean time of day of the n events, κ solving I1(κ)/I0(κ) = R, R the length of the sum of the n times as points of the unit circle, divided by n + 1";
        "nats per radian; 1.84 (ln 2π) where any time is as likely as another, more at an unusual time";
        missing "for n below `at_least` (5 when absent)"; source DIRECTIONS;
        cost "one pass and some hundred operations for κ; 16 bytes an event"
    "novelty" behaviour of "any field or entity" keys "smoothing, categories":
        "-ln((c + a) / (n + aK)): c of the n events have x's value, a is `smoothing` (1 when absent), K is `categories` or one more than the different values of the n events";
        "nats, 0 and more"; missing "when x lacks the field"; source "Laplace's rule of succession"; cost "one pass"
    "entropy" behaviour of "any field or entity" keys "":
        "-Σ p·log2 p over the shares of the values of the n events";
        "bits, 0 to log2 n"; missing "when n is 0"; source "Shannon (1948)"; cost "one pass, a logarithm for each value"
    "sequence" sequence of "" keys "steps":
        "the length of the longest beginning of `steps` that events of the window show in this order, each at most one";
        "steps, 0 to 8; an integer"; missing ""; source ""; cost "a word for each step and 64 events"
    "occurred" sequence of "" keys "steps":
        "how many of `steps` some event of the window shows, in any order (k of n)";
        "steps, 0 to 8; an integer"; missing ""; source ""; cost "a word for each step and 64 events"
    "speed" geography of "" keys "":
        "max(0, d - r₁ - r₂) / t: d the great-circle distance from the newest match with a position, r₁ and r₂ both radii, t the time between, at least a millisecond";
        "km/h, 0 to 7.21·10¹⁰"; missing "when x has no position, when no match has one";
        source "Kahan (2006) for the angle, Moritz (1980) for the Earth's radius";
        cost "a distance, whatever n is; 32 bytes an event"
    "distance" geography of "" keys "half_life, at_least":
        "max(0, d - r): d the great-circle distance from home, r the radius of x; home is the direction of Σ w·u over the matches' positions u as unit vectors, w = 2^(-age / `half_life`) or 1";
        "km, 0 to 20,015.1"; missing "for n below `at_least` (1 when absent), and where the matches lie all around the Earth";
        source "Kahan (2006) for the angle, Moritz (1980) for the Earth's radius";
        cost "one pass, with `half_life` an exponential for each event; 32 bytes an event"
    "login_score" login of "" keys "":
        "Π over facets (share of x's values among all logins / share among the user's) · (1 / users) / (logins of the user / all logins), with the levels and weights of docs/policy.md";
        "a ratio, above 0; above 1 somebody else is the likelier author"; missing "at a user's first login, without address and user agent";
        source "Freeman et al. (NDSS 2016); Wiefling et al. (TOPS 2022)"; cost "26 counts in nine entities"
    "device_match" device of "bits, percent (when absent), state, contradictions" keys "":
        "of the known device that is most like: Σ over groups of attributes of the best log2(m / u) that agrees and the worst log2((1 - m) / (1 - u)) that differs; u is how frequent the value is in the population, m how steady the attribute was for as long, with the numbers of docs/policy.md";
        "bits, a double; percent, the part of the bits that x could attain, 0 to 100, to 95 without a key, to 50 in doubt; state, 0 new, 1 like a known one, 2 known and changed, 3 known; contradictions, a count"; missing "when x has nothing that tells devices apart; bits and percent also when no device is known";
        source "Fellegi and Sunter (1969)"; cost "16 counts in as many entities; a comparison of up to 30 attributes for each event, 60 operations for each of up to eight ways to compare; about 35 bytes an event"
    "inconsistencies" device of "one of them, or none for all" keys "":
        "how many of the 16 checks of docs/policy.md x fails; of one, 1 or 0";
        "checks, 0 to 16; an integer"; missing "when x says too little to contradict itself";
        source "after Vastel et al., \"FP-Scanner\" (USENIX Security 2018)"; cost "some microseconds at most, for each feature"
    "ratio" combination of "" keys "numerator, denominator, prior":
        "numerator / denominator; with `prior = [a, b]` (numerator + a) / (denominator + a + b)";
        "a double"; missing "when either is, and when the denominator is 0";
        source "with `prior`: the mean of a Beta distribution"; cost "one division"
    "expression" combination of "" keys "expression":
        "what the expression says of the event, of lists and of the features before it";
        "its own"; missing "when the expression is, and when it is infinite or no number"; source "CEL";
        cost "an instruction for each operation"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::document::Aggregate;

    #[test]
    fn every_aggregate_is_described() {
        // What serde expects is every variant that a policy can name.
        let refused = serde_json::from_str::<Aggregate>("\"none of them\"").unwrap_err().to_string();
        let expected = refused.split_once("expected one of").unwrap().1;
        let mut named: Vec<&str> = expected.split('`').skip(1).step_by(2).collect();
        named.push("expression");
        named.sort_unstable();
        let mut described: Vec<&str> = AGGREGATES.iter().map(|info| info.name).collect();
        described.sort_unstable();
        assert_eq!(described, named);
    }
}
