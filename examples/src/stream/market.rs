//! The merchants and what is bought there.

use super::dice::{Dice, cumulate};
use super::event::Text;

const MERCHANTS: usize = 800;

/// A line of business.
pub(super) struct Trade {
    pub(super) mcc: &'static str,
    median: f64,
    sigma: f64,
    /// Sells over the network rather than at a till.
    pub(super) online: bool,
    /// How many of a hundred merchants are in it.
    share: f64,
}

const fn trade(mcc: &'static str, median: f64, sigma: f64, online: bool, share: f64) -> Trade {
    Trade { mcc, median, sigma, online, share }
}

const TRADES: [Trade; 18] = [
    trade("5499", 520.0, 0.55, false, 20.0),  // convenience stores
    trade("5411", 1_900.0, 0.6, false, 14.0), // supermarkets
    trade("5812", 1_500.0, 0.6, false, 12.0), // restaurants
    trade("5814", 780.0, 0.45, false, 10.0),  // fast food, cafes
    trade("5912", 1_250.0, 0.6, false, 8.0),  // drug stores
    trade("5541", 3_800.0, 0.4, false, 4.0),  // fuel
    trade("4111", 420.0, 0.6, false, 4.0),    // trains and buses
    trade("5651", 4_600.0, 0.6, false, 4.0),  // clothes
    trade("5311", 5_200.0, 0.7, false, 3.0),  // department stores
    trade("5942", 1_400.0, 0.5, false, 2.0),  // books
    trade("4900", 6_900.0, 0.4, true, 2.0),   // utilities
    trade("5964", 3_200.0, 0.8, true, 5.0),   // mail order
    trade("5816", 980.0, 0.9, true, 3.0),     // games
    trade("5815", 1_100.0, 0.5, true, 2.0),   // digital media
    trade("5732", 9_800.0, 0.9, true, 3.0),   // electronics
    trade("6540", 3_000.0, 0.5, true, 1.5),   // e-money and gift codes
    trade("7922", 7_400.0, 0.5, true, 1.0),   // tickets
    trade("7011", 13_500.0, 0.5, true, 1.5),  // lodging
];

/// Goods that are easily turned into cash.
const LIQUID: [&str; 2] = ["5732", "6540"];

/// One merchant.
pub(super) struct Merchant {
    pub(super) id: Text,
    pub(super) trade: &'static Trade,
    terminals: Vec<Text>,
}

impl Merchant {
    fn new(number: usize, trade: &'static Trade, dice: &mut Dice) -> Self {
        let terminals = if trade.online { 1 } else { 1 + dice.below(5) };
        Self {
            id: format!("m-{number:04}").into(),
            trade,
            terminals: (1..=terminals).map(|terminal| format!("t-{number:04}-{terminal}").into()).collect(),
        }
    }

    /// What an ordinary purchase costs, in yen.
    pub(super) fn price(&self, dice: &mut Dice) -> i64 {
        let price = dice.lognormal(self.trade.median, self.trade.sigma) as i64;
        match self.trade.mcc {
            // Gift codes and games are sold in round steps.
            "6540" | "5816" => (price / 500 * 500).clamp(500, 30_000),
            "4111" => (price / 10 * 10).max(150),
            _ => price.clamp(60, 180_000),
        }
    }

    pub(super) fn terminal(&self, dice: &mut Dice) -> Text {
        dice.pick(&self.terminals).cloned().unwrap_or_default()
    }
}

/// All merchants, the popular ones first.
pub(super) struct Market {
    merchants: Vec<Merchant>,
    popularity: Vec<f64>,
    liquid: Vec<usize>,
    games: Vec<usize>,
}

impl Market {
    pub(super) fn new(dice: &mut Dice) -> Self {
        let shares = cumulate(TRADES.iter().map(|trade| trade.share));
        let merchants: Vec<Merchant> = (0..MERCHANTS)
            .filter_map(|number| {
                let trade = TRADES.get(dice.weighted(&shares))?;
                Some(Merchant::new(number, trade, dice))
            })
            .collect();
        let selling = |wanted: &[&str]| -> Vec<usize> {
            merchants
                .iter()
                .enumerate()
                .filter_map(|(index, merchant)| wanted.contains(&merchant.trade.mcc).then_some(index))
                .collect()
        };
        Self {
            liquid: selling(&LIQUID),
            games: selling(&["5816", "6540"]),
            popularity: cumulate((1..=merchants.len()).map(|rank| 1.0 / rank as f64)),
            merchants,
        }
    }

    /// A merchant by popularity (Zipf's law).
    pub(super) fn popular(&self, dice: &mut Dice) -> usize {
        dice.weighted(&self.popularity)
    }

    /// A merchant of goods that are easily turned into cash.
    pub(super) fn liquid(&self, dice: &mut Dice) -> Option<&Merchant> {
        self.merchant(dice.choose(&self.liquid))
    }

    /// A merchant of games and gift codes.
    pub(super) fn game(&self, dice: &mut Dice) -> usize {
        dice.choose(&self.games)
    }

    pub(super) fn merchant(&self, index: usize) -> Option<&Merchant> {
        self.merchants.get(index)
    }
}
