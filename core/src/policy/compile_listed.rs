//! Features that ask a list about what an entity's history remembers.

use super::compile::field_key;
use super::compile_features::{Compiler, number_of};
use super::document::{Aggregate, FeatureItem, ListKind};
use super::expression::{NamedList, Type};
use crate::event::nearest;
use crate::feature::CellSource;

impl<'a> Compiler<'a, '_> {
    /// The list that is asked; none by other aggregates.
    pub(super) fn asked(&self, item: &FeatureItem) -> Option<Option<&'a NamedList>> {
        if !matches!(item.aggregate.value, Aggregate::Listed | Aggregate::ListedSeverity) {
            return Some(None);
        }
        let Some(at) = &item.list else {
            let message = "this aggregate wants `list`, the name of the list that is asked";
            return self.wants(item, "list", &item.aggregate.span, message);
        };
        if self.scope.faulty.contains(&at.value) {
            return None;
        }
        let lists = self.scope.lists;
        let Some(list) = lists.get(&at.value) else {
            let hint = nearest(&at.value, lists.keys().map(String::as_str));
            let hint = hint.map(|known| format!("; did you mean \"{known}\"?")).unwrap_or_default();
            return self.fault(&at.span, format!("there is no list \"{}\"{hint}", at.value));
        };
        let held = match list.kind {
            ListKind::Exact => return Some(Some(list)),
            ListKind::Cidr => "networks",
            ListKind::Prefix => "beginnings",
            ListKind::Domain => "domains",
            ListKind::Address => "postal addresses",
            ListKind::Name => "names",
        };
        let message = format!(
            "the list \"{}\" holds {held}, and histories remember identifiers as a whole: a list of kind \"exact\" can be asked",
            at.value
        );
        self.fault(&at.span, message)
    }

    /// The column of what the list keeps of the identifiers in `of`.
    pub(super) fn mark(
        &mut self,
        item: &FeatureItem,
        table: usize,
        list: &NamedList,
    ) -> Option<(usize, Type)> {
        let Some(of) = &item.of else {
            let message =
                "this aggregate wants `of`, the field with the identifiers that the list is asked about";
            return self.wants(item, "of", &item.aggregate.span, message);
        };
        self.cell(of, "of")?;
        let schema = self.scope.schema;
        let spec = schema.find(&of.value).and_then(|field| schema.spec(field));
        let entity = spec.and_then(|spec| spec.entity());
        let Some(spec) = spec.filter(|_| entity == Some(&list.entity)) else {
            let message = format!(
                "the list \"{}\" holds identifiers of kind {}, `{}` is of kind {}",
                item.list.as_ref().map_or("", |at| at.value.as_str()),
                list.entity,
                of.value,
                entity.unwrap_or("no identifier")
            );
            return self.fault(&of.span, message);
        };
        let mut key = field_key(self.plan, spec);
        if let (Some(_), Some(own)) = (&list.key, self.plan.keys.get(key)) {
            let shared = own.with_shared(list.key.clone());
            key = number_of(&mut self.plan.keys, shared);
        }
        Some((self.column(table, CellSource::Mark(key), of)?, Type::Entity))
    }
}
