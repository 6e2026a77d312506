from components.reviewed_schema_gen.component import ReviewedSchemaGen

__all__ = ["ReviewedSchemaGen"]
