//! Compiles what a connection says about itself.
//!
//! Not here: rendering it for one endpoint.

use std::collections::BTreeMap;

use crate::plan::compile::Compiler;
use crate::plan::connection::{ConnectionTemplates, Filters, NamedTemplates, WillTemplate};
use crate::plan::error::PlanError;
use crate::plan::template::Position;
use crate::plan::topic::{check_filter, check_topic};
use crate::profile::Subscribe;

impl Compiler<'_> {
    /// Client id, user name, certificate, will and filters.
    pub(crate) fn connection(&self) -> Result<ConnectionTemplates, PlanError> {
        let fleet = &self.profile.fleet;
        let compile = |place: &str, text: &str| self.scope(place, Position::Endpoint).compile(text);
        let will = match &fleet.will {
            None => None,
            Some(will) => {
                let topic = compile("fleet.will, topic", &will.topic)?;
                check_topic("fleet.will, topic", &topic, &[], self.identities)?;
                let payload = compile("fleet.will, payload", &will.payload)?;
                let said = &will.properties;
                let text = |key: &str, text: &Option<String>| {
                    let text = text.as_deref();
                    text.map(|text| compile(&format!("fleet.will, {key}"), text))
                        .transpose()
                };
                let response_topic = text("response_topic", &said.response_topic)?;
                if let Some(topic) = &response_topic {
                    let place = "fleet.will, response_topic";
                    check_topic(place, topic, &[], self.identities)?;
                }
                Some(WillTemplate {
                    topic,
                    payload,
                    qos: will.qos,
                    retain: will.retain,
                    content_type: text("content_type", &said.content_type)?,
                    response_topic,
                    user_properties: self.named("fleet.will", &said.user_properties)?,
                })
            }
        };
        let filters = match &fleet.subscribe {
            Subscribe::Auto => Filters::Derived,
            Subscribe::None => Filters::None,
            Subscribe::Filters(filters) => {
                let mut templates = Vec::new();
                for filter in filters {
                    let template = compile("fleet.subscribe", filter)?;
                    check_filter("fleet.subscribe", &template, self.identities)?;
                    templates.push(template);
                }
                Filters::Templates(templates)
            }
        };
        let username = self.profile.target.username.as_deref();
        let own = match &self.profile.target.tls.own {
            None => None,
            Some(own) => Some((
                compile("target.certificate", &own.certificate)?,
                compile("target.key", &own.key)?,
            )),
        };
        Ok(ConnectionTemplates {
            client_id: compile("fleet.client_id", &fleet.client_id)?,
            username: username
                .map(|text| compile("target.username", text))
                .transpose()?,
            user_properties: self.named("fleet", &fleet.session.user_properties)?,
            own,
            will,
            filters,
        })
    }

    fn named(
        &self,
        owner: &str,
        texts: &BTreeMap<String, String>,
    ) -> Result<NamedTemplates, PlanError> {
        let compile = |(name, text): (&String, &String)| {
            let place = format!("{owner}.user_properties.{name}");
            let value = self.scope(&place, Position::Endpoint).compile(text)?;
            Ok((name.clone(), value))
        };
        texts.iter().map(compile).collect()
    }
}
