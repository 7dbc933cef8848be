//! The quality of service of a message. Not here: the exchange of acknowledgements that it asks
//! for.

use super::DecodeError;

/// How often a message is delivered (section 4.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[repr(u8)]
pub enum Qos {
    /// QoS 0: sent once, not acknowledged.
    #[default]
    AtMostOnce = 0,
    /// QoS 1: acknowledged by PUBACK.
    AtLeastOnce = 1,
    /// QoS 2: PUBREC, PUBREL, PUBCOMP.
    ExactlyOnce = 2,
}

impl TryFrom<u8> for Qos {
    type Error = DecodeError;

    /// 0, 1 or 2; 3 and anything else is reserved [MQTT-3.3.1-4].
    #[inline]
    fn try_from(value: u8) -> Result<Self, DecodeError> {
        match value {
            0 => Ok(Self::AtMostOnce),
            1 => Ok(Self::AtLeastOnce),
            2 => Ok(Self::ExactlyOnce),
            _ => Err(DecodeError::ReservedQos),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_three_levels_exist() {
        for value in 0..=2_u8 {
            assert_eq!(Qos::try_from(value).map(|qos| qos as u8), Ok(value));
        }
        for value in 3..=u8::MAX {
            assert_eq!(Qos::try_from(value), Err(DecodeError::ReservedQos));
        }
    }
}
