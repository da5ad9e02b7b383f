//! Inputs, parameters and predictions of pipelines, as Hugging Face's task specifications name them.

mod label_score;
mod table_row;
mod tabular;

pub use self::label_score::LabelScore;
pub use self::table_row::{TableCell, TableRow};
pub use self::tabular::{
    TabularClassification, TabularClassificationParameters, TabularLabel, TabularRegression, TabularScore,
    TabularScoreType,
};
