//! What can be wrong with a packet: one variant per broken rule.
//!
//! Not here: what to do about it. A server answers two of them
//! ([`DecodeError::UnsupportedProtocol`], [`DecodeError::EmptyClientId`]) and closes the connection
//! on all of them, as a client does [MQTT-4.8.0-1], 5.0: [MQTT-4.13.1-1].

/// Why bytes are not a packet that the reader may receive. Incomplete bytes are no error, see
/// [`decode`](super::decode).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum DecodeError {
    /// Packet type 0, forbidden, and so is 15 in 3.1.1 (section 2.2.1, table 2.1; 5.0: table 2-1).
    #[error("packet type {0} is reserved")]
    ReservedType(u8),
    /// A packet that only the other role may receive (section 2.2.1, table 2.1, "direction of
    /// flow").
    #[error("{} may not be sent in this direction", .0.name())]
    WrongDirection(super::Kind),
    /// The low four bits of the first byte are not those of the packet type [MQTT-2.2.2-1],
    /// [MQTT-2.2.2-2], [MQTT-3.6.1-1], [MQTT-3.8.1-1], [MQTT-3.10.1-1], [MQTT-3.14.1-1]; 5.0:
    /// [MQTT-2.1.3-1] and [MQTT-3.15.1-1] besides.
    #[error("the reserved flags of {} are wrong", .0.name())]
    HeaderFlags(super::Kind),
    /// The remaining length goes on after its fourth byte (section 2.2.3).
    #[error("the remaining length is longer than four bytes")]
    RemainingLength,
    /// The header announces a packet larger than the reader's own limit: no rule of the protocol, a
    /// limit of ours.
    #[error("the packet is larger than the limit")]
    TooLarge,
    /// A field reaches beyond the end of its packet (the packet is complete: this is not "read
    /// more").
    #[error("a field reaches beyond the end of the packet")]
    FieldTooLong,
    /// Bytes are left after the last field.
    #[error("bytes are left over after the last field")]
    TrailingBytes,
    /// Text that is not well-formed UTF-8, encoded surrogates included [MQTT-1.5.3-1],
    /// [MQTT-3.1.3-4], [MQTT-3.1.3-10], [MQTT-3.1.3-11], [MQTT-3.3.2-1], [MQTT-3.8.3-1],
    /// [MQTT-3.10.3-1]; 5.0: [MQTT-1.5.4-1], [MQTT-1.5.7-1], [MQTT-3.1.3-11], [MQTT-3.1.3-12],
    /// [MQTT-3.3.2-13], [MQTT-3.3.2-19].
    #[error("text is not well-formed UTF-8")]
    IllFormedUtf8,
    /// Text with the null character U+0000 [MQTT-1.5.3-2], [MQTT-4.7.3-2]; 5.0: [MQTT-1.5.4-2].
    #[error("text contains the null character")]
    NullCharacter,
    /// A topic name or filter without a character [MQTT-4.7.3-1]. 5.0: in PUBLISH only without a topic
    /// alias (section 3.3.2.1).
    #[error("a topic is empty")]
    EmptyTopic,
    /// `+` or `#` in a topic name [MQTT-3.3.2-2], [MQTT-4.7.1-1]; 5.0: [MQTT-4.7.0-1], in a response
    /// topic [MQTT-3.3.2-14].
    #[error("a topic name contains a wildcard")]
    WildcardInTopicName,
    /// `#` that is not the last level, or a wildcard that shares its level [MQTT-4.7.1-2],
    /// [MQTT-4.7.1-3]; 5.0: [MQTT-4.7.1-1], [MQTT-4.7.1-2].
    #[error("a wildcard of a topic filter is misplaced")]
    MisplacedWildcard,
    /// Quality of service 3 [MQTT-3.3.1-4], [MQTT-3.1.2-14], [MQTT-3.8.3-4]; 5.0: [MQTT-3.1.2-12],
    /// section 3.8.3.1.
    #[error("quality of service 3 is reserved")]
    ReservedQos,
    /// The duplicate flag on a PUBLISH of QoS 0 [MQTT-3.3.1-2].
    #[error("the duplicate flag is set with quality of service 0")]
    DupWithQos0,
    /// Packet identifier 0 [MQTT-2.3.1-1]; in an acknowledgement it can be nobody's [MQTT-2.3.1-6],
    /// [MQTT-2.3.1-7]; 5.0: [MQTT-2.2.1-3] to [MQTT-2.2.1-6].
    #[error("the packet identifier is 0")]
    PacketIdZero,
    /// The protocol name of CONNECT is not "MQTT" [MQTT-3.1.2-1].
    #[error("the protocol name is not MQTT")]
    ProtocolName,
    /// CONNECT with this other protocol level: a server answers return code 1 and closes
    /// [MQTT-3.1.2-2].
    #[error("protocol level {0} is not supported")]
    UnsupportedProtocol(u8),
    /// The reserved bit 0 of the connect flags is set [MQTT-3.1.2-3].
    #[error("the reserved connect flag is set")]
    ConnectReservedFlag,
    /// Will QoS or will retain without the will flag [MQTT-3.1.2-11], [MQTT-3.1.2-13],
    /// [MQTT-3.1.2-15]; 5.0: [MQTT-3.1.2-11], [MQTT-3.1.2-13].
    #[error("will options are set without a will")]
    WillFlags,
    /// A password without a user name [MQTT-3.1.2-22]. 5.0 allows it.
    #[error("a password comes without a user name")]
    PasswordWithoutUserName,
    /// An empty client identifier that asks for a kept session: a server answers return code 2 and
    /// closes [MQTT-3.1.3-7], [MQTT-3.1.3-8]. 5.0 allows it.
    #[error("an empty client identifier needs a clean session")]
    EmptyClientId,
    /// Bits 7 to 1 of the connect acknowledge flags are not 0 (section 3.2.2.1; 5.0: [MQTT-3.2.2-1]).
    #[error("reserved connect acknowledge flags are set")]
    ConnAckFlags,
    /// A refusal that claims a present session [MQTT-3.2.2-4]; 5.0: [MQTT-3.2.2-6].
    #[error("a refused connection claims a present session")]
    SessionPresentOnRefusal,
    /// A reserved connect return code, 6 to 255 (section 3.2.2.3, table 3.1).
    #[error("connect return code {0} is reserved")]
    ConnectReturnCode(u8),
    /// SUBSCRIBE or UNSUBSCRIBE without a topic filter [MQTT-3.8.3-3], [MQTT-3.10.3-2]; 5.0:
    /// [MQTT-3.8.3-2].
    #[error("there is no topic filter")]
    NoFilters,
    /// Reserved bits 7 to 2 beside a requested QoS [MQTT-3.8.3-4]; 5.0: bits 7 and 6
    /// [MQTT-3.8.3-5].
    #[error("reserved bits of a requested quality of service are set")]
    SubscribeOptions,
    /// SUBACK without a return code: every filter has one, and there is at least one
    /// [MQTT-3.8.3-3], section 3.9.3; 5.0: UNSUBACK too [MQTT-3.8.4-6], section 3.11.3.
    #[error("there is no return code")]
    NoReturnCodes,
    /// A return code of SUBACK other than 0, 1, 2 and 0x80 [MQTT-3.9.3-2].
    #[error("subscribe return code {0:#04x} is reserved")]
    SubAckCode(u8),
    /// 5.0: a number of one to four bytes is longer than that, or than it needs to be; the remaining
    /// length too [MQTT-1.5.5-1].
    #[error("a variable byte integer is not in its shortest form")]
    VariableByteInteger,
    /// 5.0: no property has this identifier (section 2.2.2.2).
    #[error("there is no property {0:#04x}")]
    UnknownProperty(u8),
    /// 5.0: the property with this identifier does not belong into this packet, or not from this
    /// sender (section 2.2.2.2, table 2-4), [MQTT-3.3.4-6], [MQTT-3.14.2-2].
    #[error("property {0:#04x} has no place in this packet")]
    MisplacedProperty(u8),
    /// 5.0: the property with this identifier is there twice (section 2.2.2.2 and the property's
    /// own).
    #[error("property {0:#04x} is there more than once")]
    DuplicateProperty(u8),
    /// 5.0: the value of the property with this identifier is not allowed: 0 where that means nothing
    /// [MQTT-3.3.2-8], a byte that is neither 0 nor 1 (the property's own section).
    #[error("the value of property {0:#04x} is not allowed")]
    PropertyValue(u8),
    /// 5.0: a reason code that does not belong into this packet, or not from this sender
    /// [MQTT-3.2.2-8], [MQTT-3.4.2-1], [MQTT-3.5.2-1], [MQTT-3.6.2-1], [MQTT-3.7.2-1],
    /// [MQTT-3.9.3-2], [MQTT-3.11.3-2], [MQTT-3.14.2-1], [MQTT-3.15.2-1].
    #[error("reason code {0:#04x} has no place in this packet")]
    ReasonCode(u8),
    /// 5.0: retain handling 3 (section 3.8.3.1).
    #[error("retain handling 3 is reserved")]
    RetainHandling,
    /// 5.0: no local with a shared subscription [MQTT-3.8.3-4].
    #[error("a shared subscription cannot be without local messages")]
    NoLocalOnShared,
    /// 5.0: a filter that begins with `$share/` and goes on without a share name, with a wildcard in
    /// it or without a filter behind it [MQTT-4.8.2-1], [MQTT-4.8.2-2].
    #[error("a shared subscription is not $share/name/filter")]
    SharedFilter,
    /// 5.0: authentication data without an authentication method (section 3.1.2.11.10), or AUTH
    /// without one (section 3.15.2.2.2).
    #[error("there is no authentication method")]
    NoAuthenticationMethod,
}

impl DecodeError {
    /// The rule's class as one short word, for counters and file formats: stable, lower case, with
    /// hyphens.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ReservedType(_) => "reserved-type",
            Self::WrongDirection(_) => "wrong-direction",
            Self::HeaderFlags(_) => "header-flags",
            Self::RemainingLength => "remaining-length",
            Self::TooLarge => "too-large",
            Self::FieldTooLong => "field-too-long",
            Self::TrailingBytes => "trailing-bytes",
            Self::IllFormedUtf8 => "ill-formed-utf8",
            Self::NullCharacter => "null-character",
            Self::EmptyTopic => "empty-topic",
            Self::WildcardInTopicName => "wildcard-in-topic-name",
            Self::MisplacedWildcard => "misplaced-wildcard",
            Self::ReservedQos => "reserved-qos",
            Self::DupWithQos0 => "dup-with-qos-0",
            Self::PacketIdZero => "packet-id-zero",
            Self::ProtocolName => "protocol-name",
            Self::UnsupportedProtocol(_) => "unsupported-protocol",
            Self::ConnectReservedFlag => "connect-reserved-flag",
            Self::WillFlags => "will-flags",
            Self::PasswordWithoutUserName => "password-without-user-name",
            Self::EmptyClientId => "empty-client-id",
            Self::ConnAckFlags => "connack-flags",
            Self::SessionPresentOnRefusal => "session-present-on-refusal",
            Self::ConnectReturnCode(_) => "connect-return-code",
            Self::NoFilters => "no-filters",
            Self::SubscribeOptions => "subscribe-options",
            Self::NoReturnCodes => "no-return-codes",
            Self::SubAckCode(_) => "suback-code",
            Self::VariableByteInteger => "variable-byte-integer",
            Self::UnknownProperty(_) => "unknown-property",
            Self::MisplacedProperty(_) => "misplaced-property",
            Self::DuplicateProperty(_) => "duplicate-property",
            Self::PropertyValue(_) => "property-value",
            Self::ReasonCode(_) => "reason-code",
            Self::RetainHandling => "retain-handling",
            Self::NoLocalOnShared => "no-local-on-shared",
            Self::SharedFilter => "shared-filter",
            Self::NoAuthenticationMethod => "no-authentication-method",
        }
    }
}

/// Why a packet was not written. Nothing has been appended then.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum EncodeError {
    /// A text or a binary field of more than 65,535 bytes: its length has two bytes (section
    /// 1.5.3), [MQTT-4.7.3-3].
    #[error("a field is longer than 65535 bytes")]
    FieldTooLong,
    /// More than 268,435,455 bytes after the fixed header (section 2.2.3).
    #[error("the packet is longer than 268435455 bytes")]
    PacketTooLarge,
    /// A PUBLISH of QoS 0 has no packet identifier [MQTT-2.3.1-5]; 5.0: [MQTT-2.2.1-2].
    #[error("a publish of quality of service 0 has a packet identifier")]
    PacketIdWithQos0,
    /// 3.1.1 has no AUTH, and no return code for most reasons (section 3.2.2.3, table 3.1).
    #[error("this version of the protocol cannot say it")]
    NotInVersion,
    /// What would have been written breaks this rule, so that no reader would accept it.
    #[error("not written: {0}")]
    BreaksRule(#[from] DecodeError),
}
