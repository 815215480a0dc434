//! The rules by the `cel` crate.

use std::collections::{HashMap, HashSet};
use std::net::Ipv4Addr;
use std::sync::Arc;

use cel::objects::{Key, Map};
use cel::{Context, Program, Value as Cel};
use chrono::{DateTime, Duration};
use sekisho::{Decision, Value};

use crate::policy::RULES;
use crate::workload::{Sample, Workload};

/// The rules, compiled once, and the function that asks the lists.
pub struct CelRules {
    programs: Vec<Program>,
    root: Context<'static, 'static>,
}

impl CelRules {
    /// Compiles the rules.
    ///
    /// # Panics
    /// When a rule is not CEL.
    pub fn new(workload: &Workload) -> CelRules {
        let mut lists: HashMap<String, HashSet<String>> = HashMap::new();
        for (list, member) in workload.members() {
            lists.entry(list.to_owned()).or_default().insert(member.to_owned());
        }
        let mut root = Context::default();
        let in_list = move |list: Arc<String>, member: Arc<String>| match lists.get(&*list) {
            Some(members) => members.contains(&*member),
            None => is_office(&member),
        };
        root.add_function("in_list", in_list).expect("the name is free");
        // A variable is either a text or a group of fields.
        let programs = RULES
            .iter()
            .map(|rule| {
                rule.when.replace(
                    r#"in_list("blocked_devices", device)"#,
                    r#"in_list("blocked_devices", device_id)"#,
                )
            })
            .map(|when| Program::compile(&when).unwrap_or_else(|error| panic!("{when}: {error}")))
            .collect();
        CelRules { programs, root }
    }

    /// A context with the fields of an event and the features that sekisho found.
    pub fn context(
        &self,
        workload: &Workload,
        sample: &Sample,
        features: &[(&'static str, Cel)],
    ) -> Context<'_, 'static> {
        let mut context = self.root.new_inner_scope();
        let mut add = |name: &str, value: Cel| context.add_variable_from_value(name, value);
        add("type", sample.event_type.into());
        add("time", time(sample.time));
        add("channel", sample.channel.into());
        add("outcome", sample.outcome.into());
        add("response_code", sample.response_code.into());
        add("amount_minor", sample.amount_minor.into());
        add("currency", sample.currency.into());
        add("ip", workload.ip(sample).into());
        add("device_id", workload.device(sample).into());
        add("card", workload.card(sample).into());
        add("merchant", workload.merchant(sample).into());
        add("mcc", sample.mcc.into());
        add("country", sample.country.into());
        add("pos_entry_mode", sample.pos_entry_mode.into());
        let device = [
            ("platform", sample.platform.into()),
            ("integrity", sample.integrity.into()),
            ("rooted", sample.rooted.into()),
        ];
        add("device", group(device.into_iter()));
        let auth = [
            ("method", sample.auth_method.into()),
            ("result", sample.auth_result.into()),
            ("strength", sample.auth_strength.into()),
        ];
        let code = sample.cvv_result.map(|result| ("cvv_result", result.into()));
        add("auth", group(auth.into_iter().chain(code)));
        let changed = sample.password_changed_at.map(|at| ("password_changed_at", time(at)));
        add("account", group([("created_at", time(sample.created_at))].into_iter().chain(changed)));
        add("ship_to", group(sample.ship_to_country.map(|country| ("country", country.into())).into_iter()));
        for (name, value) in features {
            add(name, value.clone());
        }
        context
    }

    /// The features of a detailed decision as CEL values; missing ones are left out.
    pub fn features(decision: &Decision) -> Vec<(&'static str, Cel)> {
        let known = |feature: &sekisho::FeatureValue<'_>| {
            crate::FEATURES.iter().find(|line| line.name == feature.name()).map(|line| line.name)
        };
        decision
            .features()
            .filter_map(|feature| {
                let value = match feature.value() {
                    Value::Integer(number) => Cel::Int(*number),
                    Value::Number(number) => Cel::Float(*number),
                    Value::Duration(duration) => Cel::Duration(Duration::milliseconds(*duration)),
                    _ => return None,
                };
                Some((known(&feature)?, value))
            })
            .collect()
    }

    /// Runs all rules; calls `found` with each that holds (true) or that ends in an error (false).
    #[inline]
    pub fn run(&self, context: &Context<'_, '_>, mut found: impl FnMut(usize, bool)) {
        for (number, program) in self.programs.iter().enumerate() {
            match program.execute(context) {
                Ok(Cel::Bool(false)) => {}
                Ok(_) => found(number, true),
                Err(_) => found(number, false),
            }
        }
    }
}

fn time(milliseconds: i64) -> Cel {
    Cel::Timestamp(DateTime::from_timestamp_millis(milliseconds).unwrap_or_default().fixed_offset())
}

fn group(fields: impl Iterator<Item = (&'static str, Cel)>) -> Cel {
    let map: HashMap<Key, Cel> = fields.map(|(name, value)| (Key::from(name), value)).collect();
    Cel::Map(Map { map: Arc::new(map) })
}

fn is_office(address: &str) -> bool {
    let Ok(address) = address.parse::<Ipv4Addr>() else { return false };
    let address = u32::from(address);
    address >> 8 == u32::from(Ipv4Addr::new(198, 51, 100, 0)) >> 8
        || address >> 6 == u32::from(Ipv4Addr::new(203, 0, 113, 0)) >> 6
}
